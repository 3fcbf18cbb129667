//! Accounts, balances and the trial balance.

use serde::{Deserialize, Serialize};
use wallet_core::{Currency, Mode, Money, Timestamp};

use super::connection::{Store, Transaction};
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::ids::{AccountId, TransferId};
use crate::domain::ledger::AccountKind;

/// An account to be opened.
pub(super) struct NewAccount {
    pub(super) id: AccountId,
    pub(super) mode: Mode,
    pub(super) kind: AccountKind,
    pub(super) currency: Currency,
    /// The payer or merchant; none for the issuer's own.
    pub(super) owner: Option<[u8; 16]>,
}

const OPEN: Sql = sql!(input { id: blob, mode: text, kind: text, currency: int, owner: blob,
        created_at: int, floored: int }
    "insert into accounts (id, mode, kind, currency, owner, created_at) \
     select id, mode, kind, currency, owner, created_at from input where true \
     on conflict do nothing");

// One balance row, shard 0: on SQLite there is one process. An own account that was there already
// keeps its row.
const OPEN_BALANCES: Sql = sql!(input { id: blob, mode: text, kind: text, currency: int,
        owner: blob, created_at: int, floored: int }
    "insert into balances (account, shard, available, held, floored) \
     select i.id, 0, 0, 0, i.floored from input i join accounts a on a.id = i.id");

#[derive(Serialize)]
struct NewAccountRow {
    id: Hex<16>,
    mode: &'static str,
    kind: &'static str,
    currency: u16,
    owner: Option<Hex<16>>,
    created_at: i64,
    floored: u8,
}

/// Opens accounts with nothing in them. The issuer's own accounts are opened once.
pub(super) async fn open(
    transaction: &mut Transaction,
    accounts: &[NewAccount],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<NewAccountRow> = accounts
        .iter()
        .map(|account| NewAccountRow {
            id: Hex(*account.id.as_bytes()),
            mode: account.mode.as_str(),
            kind: account.kind.as_str(),
            currency: account.currency.numeric(),
            owner: account.owner.map(Hex),
            created_at: now.unix_millis(),
            floored: u8::from(account.kind == AccountKind::Payer),
        })
        .collect();
    transaction.write(&OPEN, &rows).await?;
    transaction.write(&OPEN_BALANCES, &rows).await?;
    Ok(())
}

/// What an account holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Balance {
    /// Free to be spent or paid out.
    pub available: Money,
    /// Set aside.
    pub held: Money,
}

const BALANCES: Sql = sql!(input { owner: blob }
    "select a.currency, sum(b.available) as available, sum(b.held) as held \
     from input i join accounts a on a.owner = i.owner join balances b on b.account = a.id \
     group by a.currency order by a.currency"
    => { currency: int, available: int, held: int });

#[derive(Serialize)]
struct Owner {
    owner: Hex<16>,
}

#[derive(Deserialize)]
struct BalanceRow {
    currency: u16,
    available: i64,
    held: i64,
}

const TRIAL_BALANCE: Sql = sql!(input { mode: text }
    "select a.kind, a.currency, sum(b.available + b.held) as balance \
     from input i join accounts a on a.mode = i.mode join balances b on b.account = a.id \
     group by a.kind, a.currency order by a.kind, a.currency"
    => { kind: text, currency: int, balance: int });

#[derive(Serialize)]
struct ModeRow {
    mode: &'static str,
}

#[derive(Deserialize)]
struct KindRow {
    kind: String,
    currency: u16,
    balance: i64,
}

const ENTRIES: Sql = sql!(input { subject: blob }
    "select e.transfer, e.account, a.kind, e.bucket, e.currency, e.amount, b.committed_at \
     from (select p.batch, p.transfer from input i join payments p on p.id = i.subject \
        union all select p.closing_batch, p.closing_transfer \
        from input i join payments p on p.id = i.subject \
        union all select p.reversal_batch, p.reversal_transfer \
        from input i join payments p on p.id = i.subject \
        union all select r.batch, r.transfer from input i join refunds r on r.payment = i.subject \
        union all select r.batch, r.transfer from input i join refunds r on r.id = i.subject \
        union all select s.closing_batch, s.closing_transfer \
        from input i join suspense s on s.id = i.subject \
        union all select t.batch, t.transfer from input i join top_ups t on t.id = i.subject \
        union all select x.batch, x.transfer \
        from input i join payer_transfers x on x.id = i.subject \
        union all select w.batch, w.transfer from input i join withdrawals w on w.id = i.subject \
        union all select w.last_batch, w.closing_transfer \
        from input i join withdrawals w on w.id = i.subject \
        union all select o.batch, o.transfer from input i join payouts o on o.id = i.subject \
        union all select o.closing_batch, o.closing_transfer \
        from input i join payouts o on o.id = i.subject \
        union all select o.reversal_batch, o.reversal_transfer \
        from input i join payouts o on o.id = i.subject \
        union all select v.batch, v.transfer from input i join envelopes v on v.id = i.subject \
        union all select v.last_batch, v.closing_transfer \
        from input i join envelopes v on v.id = i.subject \
        union all select s.batch, s.transfer \
        from input i join envelope_shares s on s.claim = i.subject) moves \
     join entries e on e.batch = moves.batch and e.transfer = moves.transfer \
     join accounts a on a.id = e.account join batches b on b.id = e.batch order by e.batch, e.n"
    => { transfer: blob, account: blob, kind: text, bucket: text, currency: int, amount: int,
        committed_at: int });

#[derive(Serialize)]
struct Subject {
    subject: Hex<16>,
}

#[derive(Deserialize)]
struct EntryRow {
    transfer: Hex<16>,
    account: Hex<16>,
    kind: String,
    bucket: String,
    currency: u16,
    amount: i64,
    committed_at: i64,
}

/// A line of the ledger, for people.
#[derive(Clone, Debug)]
pub struct LedgerLine {
    /// The transfer that it belongs to.
    pub transfer: TransferId,
    /// The account.
    pub account: AccountId,
    /// The account's kind.
    pub kind: AccountKind,
    /// `available` or `held`.
    pub bucket: String,
    /// Signed, credit positive.
    pub amount: Money,
    /// When it was committed.
    pub committed_at: Timestamp,
}

impl Store {
    /// Opens the issuer's own accounts in both modes, unless they are there.
    pub async fn open_own_accounts(
        &self,
        currency: Currency,
        now: Timestamp,
        mut new_id: impl FnMut() -> AccountId,
    ) -> Result<(), StoreError> {
        let kinds = [AccountKind::Fees, AccountKind::Bank, AccountKind::Suspense];
        let accounts: Vec<NewAccount> = [Mode::Live, Mode::Test]
            .into_iter()
            .flat_map(|mode| kinds.into_iter().map(move |kind| (mode, kind)))
            .map(|(mode, kind)| NewAccount { id: new_id(), mode, kind, currency, owner: None })
            .collect();
        let mut transaction = self.begin().await?;
        open(&mut transaction, &accounts, now).await?;
        transaction.commit().await
    }

    /// What a payer or a merchant has, in each currency.
    pub async fn balances(&self, owner: [u8; 16]) -> Result<Vec<Balance>, StoreError> {
        let rows: Vec<BalanceRow> = self.read(&BALANCES, &[Owner { owner: Hex(owner) }]).await?;
        rows.into_iter()
            .map(|row| {
                let currency = currency(row.currency)?;
                Ok(Balance {
                    available: Money::from_minor(row.available, currency),
                    held: Money::from_minor(row.held, currency),
                })
            })
            .collect()
    }

    /// The sum of the balances of each kind of account: all of them add up to nothing.
    pub async fn trial_balance(&self, mode: Mode) -> Result<Vec<(AccountKind, Money)>, StoreError> {
        let rows: Vec<KindRow> =
            self.survey(&TRIAL_BALANCE, &[ModeRow { mode: mode.as_str() }]).await?;
        rows.into_iter()
            .map(|row| {
                Ok((kind(&row.kind)?, Money::from_minor(row.balance, currency(row.currency)?)))
            })
            .collect()
    }

    /// The entries of a payment, a top-up, or another movement.
    pub async fn entries(&self, subject: [u8; 16]) -> Result<Vec<LedgerLine>, StoreError> {
        let rows: Vec<EntryRow> = self.read(&ENTRIES, &[Subject { subject: Hex(subject) }]).await?;
        rows.into_iter()
            .map(|row| {
                Ok(LedgerLine {
                    transfer: TransferId::from_bytes(row.transfer.0),
                    account: AccountId::from_bytes(row.account.0),
                    kind: kind(&row.kind)?,
                    bucket: row.bucket,
                    amount: Money::from_minor(row.amount, currency(row.currency)?),
                    committed_at: Timestamp::from_unix_millis(row.committed_at),
                })
            })
            .collect()
    }
}

fn kind(name: &str) -> Result<AccountKind, StoreError> {
    AccountKind::from_name(name).ok_or(StoreError::Corrupt("account kind"))
}

/// A currency as the database has it: its numeric code.
pub(super) fn currency(numeric: u16) -> Result<Currency, StoreError> {
    Currency::from_numeric(numeric).map_err(|_| StoreError::Corrupt("currency"))
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("accounts::OPEN", &OPEN),
    ("accounts::OPEN_BALANCES", &OPEN_BALANCES),
    ("accounts::BALANCES", &BALANCES),
    ("accounts::TRIAL_BALANCE", &TRIAL_BALANCE),
    ("accounts::ENTRIES", &ENTRIES),
];
