//! What a flood of wrong PINs did to payments that need none.

use core::fmt;
use std::time::Duration;

use serde::Serialize;
use wallet_core::receipt::PaymentState;

use super::{number, per_second, rounded};
use crate::commands::bench::Flooded;

/// How the server answers a try that was looked at.
const REFUSED: u16 = 403;
/// How it answers one that was not.
const TURNED_AWAY: u16 = 429;

/// The same run with and without the flood.
#[derive(Debug, Serialize)]
pub(super) struct PinFlood {
    clients: usize,
    tries: u64,
    /// Tries that were hashed.
    hashed: u64,
    /// Tries that came too often, or found the queue full.
    turned_away: u64,
    settled_per_second_without: f64,
    settled_per_second_with: f64,
    /// The speed with the flood as a part of that without.
    ratio: Option<f64>,
    p99_ms_with: Option<f64>,
    /// How much of all cores the hashing of PINs took; null where the system does not tell.
    hashing_cpu_share: Option<f64>,
}

impl PinFlood {
    pub(super) fn new(settled_per_second_without: f64, flooded: Flooded, cores: usize) -> Self {
        let Flooded { clients, mut measured, answers } = flooded;
        let settled = measured.tally.count(PaymentState::Succeeded);
        let settled = u64::try_from(settled).unwrap_or(u64::MAX);
        let with = per_second(settled, measured.took);
        let p99 = measured.tally.latencies().per_mille(990);
        let machine = measured.took.as_secs_f64() * number(u64::try_from(cores).unwrap_or(1));
        let share = |pins: Duration| rounded(pins.as_secs_f64() / machine);
        Self {
            clients,
            tries: answers.all(),
            hashed: answers.count(REFUSED),
            turned_away: answers.count(TURNED_AWAY),
            settled_per_second_without,
            settled_per_second_with: with,
            ratio: (settled_per_second_without > 0.0)
                .then(|| rounded(with / settled_per_second_without)),
            p99_ms_with: p99.map(|time| time.as_secs_f64() * 1000.0),
            hashing_cpu_share: measured.server.map(|split| share(split.pins)),
        }
    }
}

impl fmt::Display for PinFlood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, tries, hashed, turned_away, .. } = self;
        let percent = |part: Option<f64>| {
            part.map_or("not known".to_owned(), |part| format!("{:.1} %", part * 100.0))
        };
        writeln!(
            f,
            "PIN flood   {:.0} payments a second instead of {:.0}: {}",
            self.settled_per_second_with,
            self.settled_per_second_without,
            percent(self.ratio)
        )?;
        writeln!(
            f,
            "            {clients} devices, {tries} wrong PINs: {hashed} hashed, {turned_away} turned away"
        )?;
        write!(f, "            hashing took {} of all cores", percent(self.hashing_cpu_share))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wallet_core::receipt::PaymentState;
    use wallet_server::domain::ids::PaymentId;

    use super::PinFlood;
    use crate::commands::bench::Flooded;
    use crate::commands::bench::cpu::CpuSplit;
    use crate::commands::bench::flood::Answers;
    use crate::commands::bench::report::Measured;
    use crate::commands::bench::tally::Tally;
    use crate::system;

    #[test]
    fn a_flood_is_judged_by_the_payments_it_left_and_the_cores_it_took() {
        let mut tally = Tally::default();
        for number in 0..6 {
            let id = PaymentId::from_bytes([number; 16]);
            tally.payment(id, PaymentState::Succeeded, system::instant());
        }
        let pins = Duration::from_millis(600);
        let measured = Measured {
            tally,
            took: Duration::from_secs(2),
            server: Some(CpuSplit { pins, ..CpuSplit::default() }),
            ..Measured::default()
        };
        let answers = Answers::of(&[(403, 5), (429, 90), (0, 1)]);
        let flood = PinFlood::new(4.0, Flooded { clients: 9, measured, answers }, 2);
        let json = serde_json::to_value(&flood).unwrap();
        assert_eq!((json["tries"].as_u64(), json["hashed"].as_u64()), (Some(96), Some(5)));
        assert_eq!(json["settled_per_second_with"], 3.0);
        assert_eq!(json["ratio"], 0.75);
        assert_eq!(json["hashing_cpu_share"], 0.15);
        let text = flood.to_string();
        assert!(text.contains("3 payments a second instead of 4: 75.0 %"), "{text}");
        assert!(text.contains("hashing took 15.0 % of all cores"), "{text}");
    }
}
