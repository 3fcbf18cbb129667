//! Reading the rows that a batch of commands names, and no others: a statement for what charges
//! name and one for their merchants, asked together; one for what top-ups name; and, for repeats
//! only, the answers that were given before.

mod charges;
mod merchants;
mod top_ups;

use wallet_core::Money;

use super::answers::{Answers, Named};
use super::shard::OwnShard;
use crate::domain::command::{Charge, Command, TopUp};
use crate::domain::ids::{AccountId, PayerId};
use crate::domain::limits::{Day, Usage};
use crate::domain::snapshot::{Payer, Snapshot};
use crate::store::StoreError;
use crate::store::accounts::currency;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::merchants::mode;
#[cfg(test)]
use crate::store::sql::Sql;

/// What the commands name, and the merchants' accounts that have no row in the shard yet.
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    pub(super) unopened: Vec<AccountId>,
}

/// Reads everything that `commands` name.
pub(super) async fn snapshot(
    transaction: &mut Transaction,
    own: &OwnShard,
    commands: &[Command],
    today: Day,
) -> Result<Loaded, StoreError> {
    let charges: Vec<&Charge> = commands.iter().filter_map(as_charge).collect();
    let top_ups: Vec<&TopUp> = commands.iter().filter_map(as_top_up).collect();
    let mut snapshot = Snapshot {
        today,
        shard: own.shard,
        own_accounts: own.accounts.clone(),
        ..Snapshot::default()
    };
    let (about_charges, names) = charges::question(&charges, today);
    let (about_merchants, keys) = merchants::question(&charges, own.shard);
    let (charge_rows, merchant_rows) =
        transaction.read_both((about_charges, &names), (about_merchants, &keys)).await?;
    charges::parties(&charge_rows, &charges, &mut snapshot)?;
    let unopened = merchants::known(merchant_rows, &mut snapshot)?;
    let top_up_rows = top_ups::read(transaction, &top_ups, &mut snapshot).await?;
    let named = charge_rows.iter().flat_map(charges::ChargeRow::named);
    let named: Named = named.chain(top_up_rows.iter().flat_map(top_ups::TopUpRow::named)).collect();
    let answers = Answers::read(transaction, named).await?;
    charges::known(charge_rows, &charges, &answers, &mut snapshot)?;
    top_ups::known(top_up_rows, &top_ups, &answers, &mut snapshot)?;
    Ok(Loaded { snapshot, unopened })
}

fn as_charge(command: &Command) -> Option<&Charge> {
    match command {
        Command::Charge(charge) => Some(charge),
        Command::TopUp(_) => None,
    }
}

fn as_top_up(command: &Command) -> Option<&TopUp> {
    match command {
        Command::TopUp(top_up) => Some(top_up),
        Command::Charge(_) => None,
    }
}

/// The input row that an answer is about.
fn input<'a, T>(rows: &[&'a T], n: usize) -> Result<&'a T, StoreError> {
    rows.get(n).copied().ok_or(StoreError::Corrupt("row number"))
}

/// A payer as a statement reads it; nothing of it is there if there is no such payer.
#[derive(serde::Deserialize)]
struct PayerColumns {
    payer_mode: Option<String>,
    account: Option<Hex<16>>,
    currency: Option<u16>,
    active: u8,
    available: Option<i64>,
}

impl PayerColumns {
    fn payer(&self) -> Result<Option<Payer>, StoreError> {
        let (Some(mode_name), Some(account), Some(numeric)) =
            (&self.payer_mode, self.account, self.currency)
        else {
            return Ok(None);
        };
        let available = self.available.ok_or(StoreError::Corrupt("a payer without a balance"))?;
        Ok(Some(Payer {
            mode: mode(mode_name)?,
            account: AccountId::from_bytes(account.0),
            available: Money::from_minor(available, currency(numeric)?),
            active: self.active != 0,
        }))
    }
}

fn insert_payer(snapshot: &mut Snapshot, id: PayerId, payer: Payer, spent: i64, count: i64) {
    let spent = Money::from_minor(spent, payer.available.currency());
    snapshot.payers.insert(id, payer);
    snapshot.usage.insert(id, Usage { spent, count });
}

/// Every statement of this folder.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [charges::STATEMENTS, merchants::STATEMENTS, top_ups::STATEMENTS].into_iter().flatten()
}
