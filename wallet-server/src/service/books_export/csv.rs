//! A line for each entry (RFC 4180). No value has a comma, a quote or a line break in it.

use std::io::{self, Write};

use crate::domain::audit::AuditedBatch;

/// The names of the columns.
pub(super) const HEAD: &str =
    "position,committed_at,transfer,type,subject,mode,kind,account,bucket,amount,currency";

/// The entries of a batch. Amounts are decimal, credit positive; times are UTC.
pub(super) fn batch(batch: &AuditedBatch, to: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let causes = batch.causes();
    let at = batch.committed_at.map(wallet_core::Timestamp::unix_millis).unwrap_or_default();
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    for entry in &batch.entries {
        let cause = causes.get(&entry.transfer);
        let event_type = cause.map_or("", |event| event.event_type.as_str());
        let subject = cause.map(|event| base16ct::lower::encode_string(&event.subject));
        let mode = entry.account.map_or("", |of| of.mode.as_str());
        let kind = entry.account.map_or("", |of| of.kind.as_str());
        let amount = entry.entry.amount;
        writeln!(
            to,
            "{},{at:.3},{},{event_type},{},{mode},{kind},{},{},{},{}",
            batch.position,
            entry.transfer,
            subject.unwrap_or_default(),
            entry.entry.account,
            entry.entry.bucket.as_str(),
            amount.amount_text(),
            amount.currency().code(),
        )?;
    }
    Ok(())
}
