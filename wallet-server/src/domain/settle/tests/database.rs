//! A database in memory: loads what commands name, commits plans and audits itself.

use std::collections::{HashMap, HashSet};

use wallet_core::{Currency, DeviceKeyId, Mode, Money, Timestamp};

use super::audit::check_records;
use super::books::Books;
use super::fixture::{
    Change, DEVICES, MERCHANTS, OWN_CURRENCIES, PAYERS, Seen, at, currency, device_id, id_bytes,
    merchant_id, payer_id, rules,
};
use crate::domain::command::Command;
use crate::domain::fee::FeeRule;
use crate::domain::ids::{
    AccountId, ApiKeyId, MerchantId, PayerId, PaymentId, PlateId, TransferId,
};
use crate::domain::ledger::{AccountKind, Entry, Shard};
use crate::domain::limits::{OwnLimits, Usage};
use crate::domain::outcome::{Outcome, PaymentAnswer};
use crate::domain::plan::Plan;
use crate::domain::settle::{Rules, settle};
use crate::domain::snapshot::{KnownPlate, Merchant, Payer};

/// The row in which this process counts accounts that have several.
pub(super) const SHARD: Shard = Shard(3);

#[derive(Clone)]
pub(super) struct Database {
    pub(super) merchants: HashMap<MerchantId, Merchant>,
    /// Devices, and whether they are revoked.
    pub(super) devices: HashMap<DeviceKeyId, bool>,
    pub(super) payers: HashMap<PayerId, Payer>,
    pub(super) own_accounts: HashMap<(AccountKind, Mode, Currency), AccountId>,
    pub(super) revoked_keys: HashSet<ApiKeyId>,
    /// Plates, which settlement only reads.
    pub(super) plates: HashMap<PlateId, KnownPlate>,
    pub(super) rules: Rules,
    pub(super) books: Books,
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
                let kinds = [AccountKind::Fees, AccountKind::Bank, AccountKind::Suspense];
                for (kind, tag) in kinds.into_iter().zip(3..) {
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
            plates: HashMap::new(),
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
            Change::PayMerchant(number) => self.pay_merchant(number),
            Change::BatchPayouts => self.books.batch_payouts(),
        }
    }

    /// All that a merchant is owed leaves the bank account.
    fn pay_merchant(&mut self, number: u32) {
        let Merchant { account, mode, currency, .. } = self.merchants[&merchant_id(number)];
        let owed = self.owed(number);
        if owed == 0 {
            return;
        }
        let bank = self.own_accounts[&(AccountKind::Bank, mode, currency)];
        let entry =
            |account, minor| Entry::available(account, SHARD, Money::from_minor(minor, currency));
        let count = u32::try_from(self.books.paid_to_merchants.len()).unwrap();
        let id = TransferId::from_bytes(id_bytes(1_000_000 + count));
        self.books.move_money(id, vec![entry(account, -owed), entry(bank, owed)]);
        self.books.paid_to_merchants.push(id);
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
        check_records(&plan, now);
        let outcomes = plan.outcomes.clone();
        self.books.write(plan);
        self.audit();
        for (command, outcome) in commands.iter().zip(&outcomes) {
            if let Outcome::Answered { answer, .. } = outcome {
                let Some(key) = command.key() else { continue };
                let kept = self.books.kept(key).expect("an answer is kept");
                assert_eq!(kept.answer, *answer, "a repeat gets the same");
            }
        }
        outcomes
    }

    /// What settlement would write.
    pub(super) fn plan(&self, commands: &[Command], now: Timestamp) -> Plan {
        settle(self.load(commands, now), &self.rules, commands, now)
    }

    fn audit(&self) {
        self.books.audit();
        let wallets: HashSet<AccountId> = self.payers.values().map(|payer| payer.account).collect();
        for wallet in &wallets {
            let (available, held) = (self.books.available(*wallet), self.books.held(*wallet));
            assert!(available >= 0 && held >= 0, "no payer is below zero");
        }
        for (id, merchant) in &self.merchants {
            assert_eq!(self.books.held(merchant.account), self.books.paying_out(*id));
            assert!(self.books.available(merchant.account) >= 0, "no merchant is below zero");
        }
        for ((kind, mode, currency), account) in &self.own_accounts {
            let balance = self.books.balance(*account);
            match kind {
                AccountKind::Fees => assert!(balance >= 0, "no fee is returned that was not paid"),
                AccountKind::Suspense => {
                    let open = self.books.suspense.values().filter(|row| {
                        row.closing.is_none()
                            && (row.mode, row.amount.currency()) == (*mode, *currency)
                    });
                    assert_eq!(balance, open.map(|row| row.amount.minor()).sum::<i64>());
                }
                AccountKind::Bank | AccountKind::Payer | AccountKind::Merchant => {}
            }
        }
        for entry in self.books.entries() {
            let shard = if wallets.contains(&entry.account) { Shard(0) } else { SHARD };
            assert_eq!(entry.shard, shard);
        }
        let rules = &self.rules.payments;
        for row in self.books.payments.values() {
            assert!(row.refunded.count <= rules.refunds_max);
            assert!(rules.fees_returned || row.refunded.fee.minor() == 0);
        }
        if rules.fees_returned {
            for row in self.books.payments.values().filter(|row| row.refunded.count > 0) {
                let share = row.fee * row.refunded.amount.minor() / row.captured;
                assert_eq!(row.refunded.fee.minor(), share, "all of it with the last part");
            }
        }
    }

    /// A payment as it is now.
    pub(super) fn payment(&self, number: u32) -> PaymentAnswer {
        self.books.payments[&PaymentId::from_bytes(id_bytes(number))].open().answer
    }

    /// What a payer has, in minor units.
    pub(super) fn wallet(&self, number: u32) -> i64 {
        self.books.available(self.payers[&payer_id(number)].account)
    }

    /// What is held for a payer, in minor units.
    pub(super) fn held(&self, number: u32) -> i64 {
        self.books.held(self.payers[&payer_id(number)].account)
    }

    /// What a merchant is owed and has not asked for yet, in minor units.
    pub(super) fn owed(&self, number: u32) -> i64 {
        self.books.available(self.merchants[&merchant_id(number)].account)
    }

    /// The balance of an account of the issuer's own, in minor units.
    pub(super) fn own(&self, kind: AccountKind, mode: Mode, code: &str) -> i64 {
        self.books.balance(self.own_accounts[&(kind, mode, currency(code))])
    }
}
