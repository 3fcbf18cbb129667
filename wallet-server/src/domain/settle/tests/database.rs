//! A database in memory: loads what commands name, commits plans and audits itself.

use std::collections::{HashMap, HashSet};

use wallet_core::{Currency, DeviceKeyId, Mode, Money, Timestamp};

use super::books::Books;
use super::fixture::{
    Change, DEVICES, MERCHANTS, OWN_CURRENCIES, PAYERS, Seen, at, currency, device_id, id_bytes,
    merchant_id, payer_id, rules,
};
use crate::domain::command::{Charge, Command, ReferenceRef, Resolve, Resolver, TopUp, Verdict};
use crate::domain::fee::FeeRule;
use crate::domain::ids::{AccountId, ApiKeyId, MerchantId, PayerId, PaymentId};
use crate::domain::ledger::{AccountKind, Shard};
use crate::domain::limits::{OwnLimits, Usage};
use crate::domain::outcome::{Outcome, PaymentAnswer};
use crate::domain::plan::Plan;
use crate::domain::settle::{Rules, settle};
use crate::domain::snapshot::{Device, Merchant, Payer, Snapshot};

/// The row in which this process counts accounts that have several.
const SHARD: Shard = Shard(3);

#[derive(Clone)]
pub(super) struct Database {
    merchants: HashMap<MerchantId, Merchant>,
    /// Devices, and whether they are revoked.
    devices: HashMap<DeviceKeyId, bool>,
    payers: HashMap<PayerId, Payer>,
    own_accounts: HashMap<(AccountKind, Mode, Currency), AccountId>,
    revoked_keys: HashSet<ApiKeyId>,
    rules: Rules,
    books: Books,
}

fn account(kind: u8, mode: Mode, number: u32) -> AccountId {
    let mut bytes = id_bytes(number);
    bytes[0] = kind;
    bytes[1] = u8::from(mode == Mode::Test);
    AccountId::from_bytes(bytes)
}

impl Database {
    /// The world of the fixture, without any money and without confirmations.
    pub(super) fn open() -> Self {
        Self::open_with(rules())
    }

    /// The world of the fixture under other rules.
    pub(super) fn open_with(rules: Rules) -> Self {
        let payer = |(number, mode, code): (u32, Mode, &str)| {
            let (account, available) = (account(1, mode, number), Money::zero(currency(code)));
            let (usage, own_limits) = (Usage::default(), OwnLimits::default());
            let (active, suspected_until) = (true, None);
            let payer =
                Payer { mode, account, available, active, usage, own_limits, suspected_until };
            (payer_id(number), payer)
        };
        let merchant = |(number, mode, code, share, fixed): (u32, Mode, &str, u16, i64)| {
            let (account, currency) = (account(2, mode, number), currency(code));
            let fee = FeeRule::new(share, fixed).unwrap();
            (merchant_id(number), Merchant { mode, account, currency, fee, active: true })
        };
        let mut own_accounts = HashMap::new();
        for code in OWN_CURRENCIES {
            for mode in [Mode::Live, Mode::Test] {
                let number = u32::from(currency(code).numeric());
                for (kind, tag) in [(AccountKind::Fees, 3), (AccountKind::Bank, 4)] {
                    own_accounts.insert((kind, mode, currency(code)), account(tag, mode, number));
                }
            }
        }
        Self {
            merchants: MERCHANTS.into_iter().map(merchant).collect(),
            devices: DEVICES.into_iter().map(|device| (device_id(device.0), false)).collect(),
            payers: PAYERS.into_iter().map(payer).collect(),
            own_accounts,
            revoked_keys: HashSet::new(),
            rules,
            books: Books::default(),
        }
    }

    /// The world of the fixture, in which payer 1 has some fen.
    pub(super) fn with_money(minor: i64) -> Self {
        Self::with_money_and(rules(), minor)
    }

    /// The same under other rules.
    pub(super) fn with_money_and(rules: Rules, minor: i64) -> Self {
        let mut database = Self::open_with(rules);
        database.run(0, [super::fixture::deposit(900, 1, super::fixture::yuan(minor))]);
        database
    }

    pub(super) fn books(&self) -> &Books {
        &self.books
    }

    /// Does what happens beside settlement.
    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::PayerActive(number, active) => {
                self.payers.get_mut(&payer_id(number)).unwrap().active = active;
            }
            Change::MerchantActive(number, active) => {
                self.merchants.get_mut(&merchant_id(number)).unwrap().active = active;
            }
            Change::RevokeDevice(number) => {
                self.devices.insert(device_id(number), true);
            }
            Change::RevokeKey(number) => {
                self.revoked_keys.insert(ApiKeyId::from_bytes(id_bytes(number)));
            }
            Change::CancelReference(merchant, number) => {
                let merchant = merchant_id(merchant);
                let reference = format!("order {number}");
                let reference = ReferenceRef { merchant, mode: Mode::Live, reference };
                self.books.references.entry(reference).or_insert(None);
            }
        }
    }

    /// Settles commands `seconds` after the start, in one batch. One by one gives the same.
    pub(super) fn run<C: Into<Command>>(
        &mut self,
        seconds: i64,
        commands: impl IntoIterator<Item = C>,
    ) -> Vec<Seen> {
        let commands: Vec<Command> = commands.into_iter().map(Into::into).collect();
        let mut slow = self.clone();
        let singly: Vec<Outcome> =
            commands.chunks(1).flat_map(|single| slow.settle(single, at(seconds))).collect();
        let outcomes = self.settle(&commands, at(seconds));
        assert_eq!(outcomes, singly);
        assert_eq!(self.books, slow.books);
        outcomes.iter().map(Seen::from).collect()
    }

    /// Settles one batch, commits it and checks all that must hold.
    pub(super) fn settle(&mut self, commands: &[Command], now: Timestamp) -> Vec<Outcome> {
        let plan = self.plan(commands, now);
        assert_eq!(plan.outcomes.len(), commands.len());
        let outcomes = plan.outcomes.clone();
        self.books.write(plan);
        self.audit();
        for (command, outcome) in commands.iter().zip(&outcomes) {
            if let Outcome::Answered { answer, .. } = outcome {
                let Some(key) = command.key() else { continue };
                let kept = self.books.kept(key).expect("an answer is kept");
                assert_eq!(kept.answer, *answer, "a repeat gets what was answered");
            }
        }
        outcomes
    }

    /// What settlement would write.
    pub(super) fn plan(&self, commands: &[Command], now: Timestamp) -> Plan {
        settle(self.load(commands, now), &self.rules, commands, now)
    }

    /// The rows that the commands name, and no others.
    fn load(&self, commands: &[Command], now: Timestamp) -> Snapshot {
        let mut rows = Snapshot {
            own_accounts: self.own_accounts.clone(),
            shard: SHARD,
            today: self.rules.calendar.today(now),
            ..Snapshot::default()
        };
        for command in commands {
            if let Some(key) = command.key() {
                rows.answers.extend(self.books.kept(key).map(|kept| (key.clone(), kept)));
            }
            match command {
                Command::Charge(charge) => self.load_for_charge(&mut rows, charge),
                Command::Resolve(resolve) => self.load_for_resolve(&mut rows, resolve),
                Command::TopUp(top_up) => self.load_for_top_up(&mut rows, top_up),
                other => panic!("not played here: {other:?}"),
            }
        }
        rows
    }

    fn load_for_charge(&self, rows: &mut Snapshot, charge: &Charge) {
        rows.revoked_keys.extend(self.revoked_keys.get(&charge.api_key));
        let reference = &charge.reference;
        let taken = self.books.taken(reference);
        rows.references.extend(taken.map(|taken| (reference.clone(), taken)));
        let merchant = self.merchants.get(&reference.merchant);
        rows.merchants.extend(merchant.map(|merchant| (reference.merchant, *merchant)));
        let Verdict::Authentic(code) = &charge.verdict else { return };
        self.load_device(rows, code.device);
        self.load_payer(rows, code.payer);
    }

    fn load_for_resolve(&self, rows: &mut Snapshot, resolve: &Resolve) {
        let merchant = self.merchants.get(&resolve.merchant);
        rows.merchants.extend(merchant.map(|merchant| (resolve.merchant, *merchant)));
        match &resolve.by {
            Resolver::Payer { device, .. } => self.load_device(rows, *device),
            Resolver::Merchant { api_key, .. } => {
                rows.revoked_keys.extend(self.revoked_keys.get(api_key));
            }
            Resolver::Time => {}
        }
        self.load_payer(rows, resolve.payer);
        let open = self.books.payments.get(&resolve.payment).map(super::books::PaymentRow::open);
        rows.payments.extend(open.map(|open| (resolve.payment, open)));
    }

    fn load_device(&self, rows: &mut Snapshot, id: DeviceKeyId) {
        if let Some(&revoked) = self.devices.get(&id) {
            let presented = self.books.marks.get(&id).copied();
            rows.devices.insert(id, Device { revoked, new_until: None, presented });
        }
    }

    fn load_for_top_up(&self, rows: &mut Snapshot, top_up: &TopUp) {
        let of = |row: &&super::books::TopUpRow| {
            row.answer.record.mode == top_up.key.mode
                && row.answer.external_reference == top_up.external_reference
        };
        let mut known = self.books.top_ups.values().filter(of);
        if let Some(row) = known.next() {
            let reference = (top_up.key.mode, top_up.external_reference.clone());
            rows.top_ups.insert(reference, row.answer.clone());
        }
        assert_eq!(known.next(), None, "a bank's reference is credited once");
        self.load_payer(rows, top_up.payer);
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

    fn audit(&self) {
        self.books.audit();
        let wallets: HashSet<AccountId> = self.payers.values().map(|payer| payer.account).collect();
        for wallet in &wallets {
            let (available, held) = (self.books.available(*wallet), self.books.held(*wallet));
            assert!(available >= 0 && held >= 0, "no payer is below zero");
        }
        for entry in self.books.entries() {
            let shard = if wallets.contains(&entry.account) { Shard(0) } else { SHARD };
            assert_eq!(entry.shard, shard);
        }
    }

    pub(super) fn payment(&self, number: u32) -> &PaymentAnswer {
        &self.books.payments[&PaymentId::from_bytes(id_bytes(number))].answer
    }

    /// What a payer has, in minor units.
    pub(super) fn wallet(&self, number: u32) -> i64 {
        self.books.available(self.payers[&payer_id(number)].account)
    }

    /// What is held for a payer, in minor units.
    pub(super) fn held(&self, number: u32) -> i64 {
        self.books.held(self.payers[&payer_id(number)].account)
    }

    /// What a merchant is owed, in minor units.
    pub(super) fn owed(&self, number: u32) -> i64 {
        self.books.balance(self.merchants[&merchant_id(number)].account)
    }

    /// The balance of an account of the issuer's own, in minor units.
    pub(super) fn own(&self, kind: AccountKind, mode: Mode, code: &str) -> i64 {
        self.books.balance(self.own_accounts[&(kind, mode, currency(code))])
    }
}
