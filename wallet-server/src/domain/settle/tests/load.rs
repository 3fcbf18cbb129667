//! Loading what commands name, as the store does it.

use wallet_core::{DeviceKeyId, Money, Timestamp};

use super::books::{PaymentRow, TopUpRow};
use super::database::{Database, SHARD};
use crate::domain::command::{
    Charge, Command, EndSuspense, ReferenceRef, SuspenseEnd, TopUp, Verdict,
};
use crate::domain::ids::PayerId;
use crate::domain::snapshot::{Device, OpenSuspense, Payer, Snapshot};

impl Database {
    /// The rows that the commands name, and no others.
    pub(super) fn load(&self, commands: &[Command], now: Timestamp) -> Snapshot {
        let mut rows = Snapshot {
            own_accounts: self.own_accounts.clone(),
            shard: SHARD,
            today: self.rules.calendar.today(now),
            ..Snapshot::default()
        };
        for command in commands {
            self.load_parties(&mut rows, command);
            match command {
                Command::Charge(charge) => self.load_for_charge(&mut rows, charge),
                Command::CancelReference(cancel) => {
                    self.load_reference(&mut rows, &cancel.reference);
                }
                Command::MakeOrder(make) => self.load_reference(&mut rows, &make.reference),
                Command::PayMerchantCode(pay) => {
                    let plate = pay.code.plate().and_then(|id| self.plates.get_key_value(&id));
                    let plates = &mut rows.merchant_codes.plates;
                    plates.extend(plate.map(|(id, plate)| (*id, *plate)));
                }
                Command::TopUp(top_up) => self.load_for_top_up(&mut rows, top_up),
                Command::EndSuspense(end) => self.load_suspense(&mut rows, end),
                Command::FinishPayout(finish) => self.books.load_payout(&mut rows, finish),
                Command::Resolve(_)
                | Command::Refund(_)
                | Command::EndOrder(_)
                | Command::RequestPayout(_) => {}
                other => panic!("not played here: {other:?}"),
            }
        }
        rows
    }

    /// What each command names alike: its key, its payers, its payment, its merchant.
    fn load_parties(&self, rows: &mut Snapshot, command: &Command) {
        if let Some(key) = command.key() {
            rows.answers.extend(self.books.kept(key).map(|kept| (key.clone(), kept)));
        }
        for payer in command.payers() {
            self.load_payer(rows, payer);
        }
        if let Some(device) = command.device() {
            self.load_device(rows, device);
        }
        if let Some(id) = command.payment() {
            let open = self.books.payments.get(&id).map(PaymentRow::open);
            rows.payments.extend(open.map(|open| (id, open)));
        }
        if let Some(id) = command.order() {
            let order = self.books.orders.get(&id).cloned();
            rows.merchant_codes.orders.extend(order.map(|order| (id, order)));
        }
        if let Some((id, api_key)) = command.merchant() {
            rows.merchants.extend(self.merchants.get(&id).map(|merchant| (id, *merchant)));
            rows.revoked_keys.extend(api_key.filter(|key| self.revoked_keys.contains(key)));
        }
        if let Some(id) = command.debtor()
            && let Some(merchant) = self.merchants.get(&id)
        {
            // Over all shards: what other processes have written is in its entries, too.
            let balance = self.books.available(merchant.account);
            rows.merchant_balances.insert(id, Money::from_minor(balance, merchant.currency));
        }
    }

    fn load_for_charge(&self, rows: &mut Snapshot, charge: &Charge) {
        self.load_reference(rows, &charge.reference);
        if let Verdict::Authentic(code) = &charge.verdict {
            self.load_device(rows, code.device);
        }
    }

    fn load_reference(&self, rows: &mut Snapshot, reference: &ReferenceRef) {
        let taken = self.books.taken(reference);
        rows.references.extend(taken.map(|taken| (reference.clone(), taken)));
    }

    fn load_device(&self, rows: &mut Snapshot, id: DeviceKeyId) {
        if let Some(&revoked) = self.devices.get(&id) {
            let presented = self.books.marks.get(&id).copied();
            rows.devices.insert(id, Device { revoked, new_until: None, presented });
        }
    }

    fn load_for_top_up(&self, rows: &mut Snapshot, top_up: &TopUp) {
        let of = |row: &&TopUpRow| {
            row.answer.record.mode == top_up.key.mode
                && row.answer.external_reference == top_up.external_reference
        };
        let mut known = self.books.top_ups.values().filter(of);
        if let Some(row) = known.next() {
            let reference = (top_up.key.mode, top_up.external_reference.clone());
            rows.top_ups.insert(reference, row.answer.clone());
        }
        assert_eq!(known.next(), None, "a bank's reference is credited once");
    }

    fn load_suspense(&self, rows: &mut Snapshot, end: &EndSuspense) {
        if let Some(row) = self.books.suspense.get(&end.id) {
            let (payer, mode, amount) = (row.payer, row.mode, row.amount);
            let open = OpenSuspense { payer, mode, amount, ended: row.closing.is_some() };
            rows.suspense.insert(end.id, open);
        }
        if let SuspenseEnd::PaidOut { external_reference } = &end.end {
            let mode = end.request.key.mode;
            let known = self.books.suspense.values().any(|row| {
                row.mode == mode && row.external_reference.as_ref() == Some(external_reference)
            });
            if known {
                rows.suspense_references.insert((mode, external_reference.clone()));
            }
        }
    }

    fn load_payer(&self, rows: &mut Snapshot, id: PayerId) {
        if let Some(payer) = self.payers.get(&id) {
            let minor = self.books.available(payer.account);
            let available = Money::from_minor(minor, payer.available.currency());
            let known = self.books.payers.get(&id).copied();
            let (usage, suspected_until) =
                known.map(|it| (it.usage, it.suspected_until)).unwrap_or_default();
            rows.payers.insert(id, Payer { available, usage, suspected_until, ..*payer });
        }
    }
}
