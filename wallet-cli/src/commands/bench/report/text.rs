//! The report as people read it.

use core::fmt;

use super::{Invariant, Machine, Report};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cores, database } = &self.machine;
        let place = if self.run.ledger_only { "ledger only" } else { "over HTTP" };
        writeln!(f, "{database}, {cores} cores, {place}, {} at once", self.run.clients)?;
        writeln!(
            f,
            "settled     {:.0} payments a second ({} in {:.1} s)",
            self.settled_per_second, self.settled, self.seconds
        )?;
        let [p50, p99, p999] =
            [self.p50_ms, self.p99_ms, self.p999_ms].map(|time| known(time, 1, "ms"));
        writeln!(f, "latency     p50 {p50}, p99 {p99}, p99.9 {p999}")?;
        writeln!(f, "declined    {}", self.declined)?;
        for (what, count) in &self.others {
            writeln!(f, "other       {what}: {count}")?;
        }
        if self.unanswered > 0 {
            writeln!(f, "unanswered  {}", self.unanswered)?;
        }
        if self.ran_out_of_codes {
            writeln!(f, "            ended early: there were no codes left")?;
        }
        self.write_cpu(f)?;
        let bytes = known(self.database_bytes_per_payment, 0, "bytes");
        writeln!(f, "database    {bytes} a payment")?;
        if !self.run.ledger_only {
            let Self { codes_made, codes_seconds, .. } = self;
            writeln!(f, "codes       {codes_made} made in {codes_seconds:.1} s beforehand")?;
        }
        self.pin_flood.iter().try_for_each(|flood| writeln!(f, "{flood}"))?;
        self.webhooks.iter().try_for_each(|webhooks| writeln!(f, "{webhooks}"))?;
        for Invariant { name, wrong, example } in &self.invariants {
            match example {
                Some(example) => writeln!(f, "✗ {name}: {wrong} wrong, for example {example}")?,
                None if *wrong > 0 => writeln!(f, "✗ {name}: {wrong} wrong")?,
                None => writeln!(f, "✓ {name}")?,
            }
        }
        let verdict = if self.invariants_ok { "every invariant holds" } else { "INVARIANTS FAIL" };
        f.write_str(verdict)
    }
}

impl Report {
    fn write_cpu(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |value: Option<f64>| known(value, 0, "µs");
        let cpu = &self.cpu;
        let (whose, rest) =
            if self.run.ledger_only { ("CPU       ", "the rest") } else { ("server CPU", "HTTP") };
        writeln!(
            f,
            "{whose}  {} a payment: verification {}, settlement {}, {rest} {}",
            part(cpu.server),
            part(cpu.verification),
            part(cpu.settlement),
            part(cpu.http),
        )?;
        if self.machine.database.starts_with("PostgreSQL") {
            writeln!(f, "            (what PostgreSQL's own processes used is not among it)")?;
        }
        if !self.run.ledger_only {
            writeln!(f, "load CPU    {} a payment", part(cpu.load))?;
        }
        Ok(())
    }
}

/// A number to this many digits after the point, or that it is not known.
fn known(value: Option<f64>, digits: usize, unit: &str) -> String {
    value.map_or("not known".to_owned(), |value| format!("{value:.digits$} {unit}"))
}
