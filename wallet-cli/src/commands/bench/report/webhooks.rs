//! What telling merchants' endpoints did to payments, and how long events were on their way.

use core::fmt;

use serde::Serialize;
use wallet_core::receipt::PaymentState;

use super::{per_second, rounded};
use crate::commands::bench::Told;
use crate::commands::bench::tally::Tally;

/// The same run with and without endpoints, half of which are dead.
#[derive(Debug, Serialize)]
pub(super) struct Webhooks {
    endpoints: usize,
    settled_per_second_without: f64,
    settled_per_second_with: f64,
    /// The speed with endpoints as a part of that without.
    ratio: Option<f64>,
    p50_ms_without: Option<f64>,
    p50_ms_with: Option<f64>,
    p99_ms_without: Option<f64>,
    p99_ms_with: Option<f64>,
    /// Events that came to endpoints that live.
    arrived: usize,
    /// From the commit of a payment to the arrival of its event at an endpoint that lives.
    arrival_p50_ms: Option<u32>,
    arrival_p99_ms: Option<u32>,
    arrival_max_ms: Option<u32>,
    /// Endpoints that live and had not heard everything at the end.
    living_that_wait: usize,
    /// Requests to dead endpoints that were accepted.
    requests_to_the_dead: u64,
}

impl Webhooks {
    pub(super) fn new(tally: &mut Tally, settled_per_second_without: f64, told: Told) -> Self {
        let Told { endpoints, mut measured, mut arrivals, living_that_wait } = told;
        let settled = measured.tally.count(PaymentState::Succeeded);
        let with = per_second(u64::try_from(settled).unwrap_or(u64::MAX), measured.took);
        let millis = |tally: &mut Tally, share| {
            let time = tally.latencies().per_mille(share);
            time.map(|time| rounded(time.as_secs_f64() * 1000.0))
        };
        let delays = &mut arrivals.millis;
        delays.sort_unstable();
        let share = |per_mille: usize| {
            let rank = delays.len().saturating_mul(per_mille).div_ceil(1000).max(1);
            delays.get(rank - 1).copied()
        };
        Self {
            endpoints,
            settled_per_second_without,
            settled_per_second_with: with,
            ratio: (settled_per_second_without > 0.0)
                .then(|| rounded(with / settled_per_second_without)),
            p50_ms_without: millis(tally, 500),
            p50_ms_with: millis(&mut measured.tally, 500),
            p99_ms_without: millis(tally, 990),
            p99_ms_with: millis(&mut measured.tally, 990),
            arrived: delays.len(),
            arrival_p50_ms: share(500),
            arrival_p99_ms: share(990),
            arrival_max_ms: delays.last().copied(),
            living_that_wait,
            requests_to_the_dead: arrivals.at_the_dead,
        }
    }
}

impl fmt::Display for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis =
            |time: Option<f64>| time.map_or("not known".to_owned(), |time| format!("{time:.1} ms"));
        let whole =
            |time: Option<u32>| time.map_or("not known".to_owned(), |time| format!("{time} ms"));
        let ratio =
            self.ratio.map_or("not known".to_owned(), |part| format!("{:.1} %", part * 100.0));
        writeln!(
            f,
            "webhooks    {:.0} payments a second instead of {:.0}: {ratio}",
            self.settled_per_second_with, self.settled_per_second_without
        )?;
        writeln!(
            f,
            "            a payment takes p50 {} instead of {}, p99 {} instead of {}",
            millis(self.p50_ms_with),
            millis(self.p50_ms_without),
            millis(self.p99_ms_with),
            millis(self.p99_ms_without)
        )?;
        writeln!(
            f,
            "            {} endpoints, half of them dead; {} events came to the living: p50 {}, \
             p99 {}, at most {} after the commit",
            self.endpoints,
            self.arrived,
            whole(self.arrival_p50_ms),
            whole(self.arrival_p99_ms),
            whole(self.arrival_max_ms)
        )?;
        write!(
            f,
            "            {} living endpoints wait for more; {} requests went to the dead",
            self.living_that_wait, self.requests_to_the_dead
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wallet_core::receipt::PaymentState;
    use wallet_server::domain::ids::PaymentId;

    use super::Webhooks;
    use crate::commands::bench::Told;
    use crate::commands::bench::report::Measured;
    use crate::commands::bench::tally::Tally;
    use crate::commands::bench::webhooks::Arrivals;
    use crate::system;

    fn tally(payments: u8) -> Tally {
        let mut tally = Tally::default();
        for number in 0..payments {
            let id = PaymentId::from_bytes([number; 16]);
            tally.payment(id, PaymentState::Succeeded, system::instant());
        }
        tally
    }

    #[test]
    fn endpoints_are_judged_by_the_payments_they_left_and_the_delay_of_their_events() {
        let measured =
            Measured { tally: tally(6), took: Duration::from_secs(2), ..Measured::default() };
        let arrivals = Arrivals { millis: (1..=100).rev().collect(), at_the_dead: 7 };
        let told = Told { endpoints: 1000, measured, arrivals, living_that_wait: 0 };
        let webhooks = Webhooks::new(&mut tally(8), 4.0, told);
        let json = serde_json::to_value(&webhooks).unwrap();
        assert_eq!((&json["settled_per_second_with"], &json["ratio"]), (&3.0.into(), &0.75.into()));
        assert_eq!((&json["arrival_p50_ms"], &json["arrival_p99_ms"]), (&50.into(), &99.into()));
        assert_eq!((&json["arrival_max_ms"], &json["arrived"]), (&100.into(), &100.into()));
        let text = webhooks.to_string();
        assert!(text.contains("3 payments a second instead of 4: 75.0 %"), "{text}");
        assert!(text.contains("p50 50 ms, p99 99 ms, at most 100 ms after the commit"), "{text}");
    }
}
