//! What was measured, for people and for programs.

mod flood;
mod text;
mod webhooks;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use wallet_core::receipt::PaymentState;
use wallet_server::store::Finding;

use self::flood::PinFlood;
use self::webhooks::Webhooks;
use super::Beside;
use super::cpu::CpuSplit;
use super::tally::Tally;

/// The result of a run. Times are microseconds or, where the name says so, milliseconds.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    settled_per_second: f64,
    settled: u64,
    declined: u64,
    unanswered: u64,
    /// Every other answer, by its status.
    others: BTreeMap<String, u64>,
    seconds: f64,
    ran_out_of_codes: bool,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    p999_ms: Option<f64>,
    #[serde(flatten)]
    cpu: Cpu,
    database_bytes_per_payment: Option<f64>,
    codes_made: u64,
    codes_seconds: f64,
    pin_flood: Option<PinFlood>,
    webhooks: Option<Webhooks>,
    pub(super) invariants_ok: bool,
    invariants: Vec<Invariant>,
    machine: Machine,
    run: Run,
}

/// Processor time a payment; null where the system does not tell.
#[derive(Default, Debug, Serialize)]
struct Cpu {
    #[serde(rename = "server_cpu_us_per_payment")]
    server: Option<f64>,
    #[serde(rename = "verification_cpu_us_per_payment")]
    verification: Option<f64>,
    #[serde(rename = "settlement_cpu_us_per_payment")]
    settlement: Option<f64>,
    #[serde(rename = "http_cpu_us_per_payment")]
    http: Option<f64>,
    #[serde(rename = "load_cpu_us_per_payment")]
    load: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Invariant {
    name: &'static str,
    wrong: u64,
    example: Option<String>,
}

/// Where it ran.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    pub(super) cores: usize,
    pub(super) database: String,
}

/// What was asked for.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Run {
    pub(super) ledger_only: bool,
    pub(super) payers: usize,
    pub(super) merchants: usize,
    pub(super) hot: bool,
    pub(super) clients: usize,
    pub(super) servers: usize,
    pub(super) rate: Option<u64>,
    pub(super) payments_before: usize,
}

/// What a run measured, before anything is divided.
#[derive(Default, Debug)]
pub(super) struct Measured {
    pub(super) tally: Tally,
    pub(super) took: Duration,
    /// What the servers used; without a server, what this process used.
    pub(super) server: Option<CpuSplit>,
    /// What this process used.
    pub(super) load: Option<CpuSplit>,
    pub(super) bytes_before: u64,
    pub(super) bytes_after: u64,
    pub(super) codes: u64,
    pub(super) codes_took: Duration,
}

impl Report {
    pub(super) fn new(
        mut measured: Measured,
        beside: Option<Beside>,
        findings: Vec<Finding>,
        machine: Machine,
        run: Run,
    ) -> Self {
        let tally = &mut measured.tally;
        let count = |state| u64::try_from(tally.count(state)).unwrap_or(u64::MAX);
        let settled = count(PaymentState::Succeeded);
        let declined = count(PaymentState::Declined);
        let seconds = measured.took.as_secs_f64();
        let latencies = tally.latencies();
        let millis = |share| latencies.per_mille(share).map(|time| time.as_secs_f64() * 1000.0);
        let (p50_ms, p99_ms, p999_ms) = (millis(500), millis(990), millis(999));
        let payments = settled + declined;
        let growth = measured.bytes_after.saturating_sub(measured.bytes_before);
        let settled_per_second = per_second(settled, measured.took);
        let (pin_flood, webhooks) = match beside {
            None => (None, None),
            Some(Beside::Flooded(flooded)) => {
                (Some(PinFlood::new(settled_per_second, flooded, machine.cores)), None)
            }
            Some(Beside::Told(told)) => {
                (None, Some(Webhooks::new(tally, settled_per_second, told)))
            }
        };
        Self {
            settled_per_second,
            settled,
            declined,
            unanswered: tally.unanswered,
            others: std::mem::take(&mut tally.others),
            seconds: rounded(seconds),
            ran_out_of_codes: tally.ran_out,
            p50_ms,
            p99_ms,
            p999_ms,
            cpu: Cpu::new(&measured, payments),
            database_bytes_per_payment: each(number(growth), payments),
            codes_made: measured.codes,
            codes_seconds: rounded(measured.codes_took.as_secs_f64()),
            pin_flood,
            webhooks,
            invariants_ok: findings.iter().all(Finding::is_ok),
            invariants: findings
                .into_iter()
                .map(|finding| Invariant {
                    name: finding.check,
                    wrong: finding.wrong,
                    example: finding.example,
                })
                .collect(),
            machine,
            run,
        }
    }
}

impl Cpu {
    fn new(measured: &Measured, payments: u64) -> Self {
        let server = |part: fn(&CpuSplit) -> Duration| {
            each(measured.server.map(|split| part(&split))?.as_secs_f64() * 1e6, payments)
        };
        let load = measured.load.map(|split| split.total.as_secs_f64() * 1e6);
        Self {
            server: server(|split| split.total),
            verification: server(|split| split.verification),
            settlement: server(|split| split.settlement),
            http: server(|split| split.http),
            load: load.and_then(|load| each(load, payments)),
        }
    }
}

/// How many there were a second.
fn per_second(count: u64, took: Duration) -> f64 {
    let seconds = took.as_secs_f64();
    if seconds > 0.0 { rounded(number(count) / seconds) } else { 0.0 }
}

/// A share for each payment; none without payments.
fn each(whole: f64, payments: u64) -> Option<f64> {
    (payments > 0).then(|| rounded(whole / number(payments)))
}

/// To three digits after the point: nothing here is known more precisely.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A count as a number with a fraction: below four thousand million, beyond which no run comes.
fn number(count: u64) -> f64 {
    match u32::try_from(count) {
        Ok(count) => f64::from(count),
        Err(_) => f64::from(u32::try_from(count >> 16).unwrap_or(u32::MAX)) * 65_536.0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wallet_core::receipt::PaymentState;
    use wallet_server::domain::ids::PaymentId;
    use wallet_server::store::Finding;

    use super::{Machine, Measured, Report, Run};
    use crate::commands::bench::cpu::CpuSplit;
    use crate::commands::bench::tally::Tally;
    use crate::system;

    fn report(findings: Vec<Finding>) -> Report {
        let mut tally = Tally::default();
        for (number, state) in [(1, PaymentState::Succeeded), (2, PaymentState::Declined)] {
            tally.payment(PaymentId::from_bytes([number; 16]), state, system::instant());
        }
        tally.other("503");
        let micros = Duration::from_micros;
        let server = CpuSplit {
            total: micros(300),
            verification: micros(200),
            settlement: micros(60),
            pins: micros(0),
            http: micros(40),
        };
        let measured = Measured {
            tally,
            took: Duration::from_millis(500),
            server: Some(server),
            bytes_before: 1000,
            bytes_after: 3000,
            ..Measured::default()
        };
        let machine = Machine { cores: 2, database: "SQLite 3".to_owned() };
        let run = Run {
            ledger_only: false,
            payers: 1,
            merchants: 1,
            hot: false,
            clients: 1,
            servers: 1,
            rate: None,
            payments_before: 0,
        };
        Report::new(measured, None, findings, machine, run)
    }

    #[test]
    fn everything_is_divided_by_what_it_was_spent_on() {
        let json = serde_json::to_value(report(Vec::new())).unwrap();
        assert_eq!(json["settled_per_second"], 2.0);
        assert_eq!(json["server_cpu_us_per_payment"], 150.0);
        assert_eq!(json["verification_cpu_us_per_payment"], 100.0);
        assert_eq!(json["load_cpu_us_per_payment"], serde_json::Value::Null);
        assert_eq!(json["database_bytes_per_payment"], 1000.0);
        assert_eq!((&json["declined"], &json["others"]["503"]), (&1.into(), &1.into()));
        assert!(json["p99_ms"].is_number());
    }

    #[test]
    fn a_broken_invariant_is_named_and_spoils_the_run() {
        let finding = |wrong, example| Finding { check: "balances", wrong, example };
        let good = report(vec![finding(0, None)]);
        assert!(good.invariants_ok && good.to_string().contains("✓ balances"), "{good}");
        let bad = report(vec![finding(2, Some("ab".to_owned()))]);
        assert!(!bad.invariants_ok);
        assert!(bad.to_string().contains("✗ balances: 2 wrong, for example ab"), "{bad}");
        assert!(bad.to_string().contains("not known"), "{bad}");
    }
}
