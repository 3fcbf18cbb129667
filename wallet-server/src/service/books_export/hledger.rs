//! The plain text of hledger. There a debit is positive: what we owe has a minus sign.

use std::io::{self, Write};

use wallet_core::{Currency, Money, Timestamp};

use crate::domain::audit::{AccountOf, AuditedBatch};
use crate::domain::ids::AccountId;
use crate::domain::ledger::{AccountKind, Bucket};
use crate::store::AuditedBalance;

/// Declares a currency with its digits, so that no other is written by mistake.
pub(super) fn commodity(currency: Currency, to: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let digits = "0".repeat(usize::try_from(currency.exponent()).unwrap_or(0));
    writeln!(to, "commodity 1000.{digits} {}\n", currency.code())
}

/// Declares both buckets of an account.
pub(super) fn account(balance: &AuditedBalance, to: &mut (impl Write + ?Sized)) -> io::Result<()> {
    for bucket in [Bucket::Available, Bucket::Held] {
        writeln!(to, "account {}", name(balance.account, Some(balance.of), bucket))?;
    }
    Ok(())
}

/// Each transfer as a transaction.
pub(super) fn batch(batch: &AuditedBatch, to: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let causes = batch.causes();
    let date = date(batch.committed_at.unwrap_or(Timestamp::from_unix_millis(0)));
    let mut open = None;
    for entry in &batch.entries {
        if open != Some(entry.transfer) {
            open = Some(entry.transfer);
            let cause = causes.get(&entry.transfer).map(|event| event.name());
            let cause = cause.as_deref().unwrap_or("unknown");
            let (position, transfer) = (batch.position, entry.transfer);
            writeln!(to, "\n{date} * {cause}  ; position:{position}, transfer:{transfer}")?;
        }
        let account = name(entry.entry.account, entry.account, entry.entry.bucket);
        writeln!(to, "    {account}  {}", debit(entry.entry.amount))?;
    }
    Ok(())
}

/// Says what accounts must hold at the end, in the books' own balances.
pub(super) fn closing(
    page: &[AuditedBalance],
    at: Timestamp,
    to: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    writeln!(to, "\n{} * closing balances", date(at))?;
    for AuditedBalance { account, of, available, held } in page {
        let code = available.currency().code();
        for (bucket, amount) in [(Bucket::Available, available), (Bucket::Held, held)] {
            let account = name(*account, Some(*of), bucket);
            writeln!(to, "    {account}  0 {code} = {}", debit(*amount))?;
        }
    }
    Ok(())
}

/// What an account is called: its class, mode and kind, its id, and the bucket.
fn name(account: AccountId, of: Option<AccountOf>, bucket: Bucket) -> String {
    let bucket = bucket.as_str();
    let Some(AccountOf { mode, kind }) = of else { return format!("unknown:{account}:{bucket}") };
    let class = match kind {
        AccountKind::Payer | AccountKind::Merchant | AccountKind::Suspense => "liabilities",
        AccountKind::Fees => "revenues",
        AccountKind::Bank => "assets",
    };
    format!("{class}:{mode}:{}:{account}:{bucket}", kind.as_str())
}

/// An amount with the other sign: credit is positive in the books.
fn debit(amount: Money) -> String {
    let debit = -amount.to_decimal();
    // Minus zero is written as zero.
    let debit = if amount.minor() == 0 { amount.to_decimal() } else { debit };
    format!("{debit} {}", amount.currency().code())
}

/// The day in UTC.
fn date(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.unix_millis()).unwrap_or_default();
    instant.strftime("%Y-%m-%d").to_string()
}
