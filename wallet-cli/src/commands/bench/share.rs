//! Who pays with which device: each client has devices of its own, so that a device has one code
//! under way at a time and its marks rise; and how codes are handed out while they live.

use std::collections::VecDeque;

use wallet_core::{Step, Timestamp};

use super::people::Spread;

/// How many codes a device can show in one step: the sequence number is one byte.
pub(super) const CODES_PER_STEP_MAX: usize = 256;

/// The devices of one client: every `clients`-th.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    client: usize,
    clients: usize,
    devices: usize,
    spread: Spread,
}

impl Share {
    /// The devices of this client among all that share the payers. There are at least as many
    /// payers as clients.
    pub(super) fn new(client: usize, clients: usize, payers: usize) -> Self {
        let devices = payers.saturating_sub(client).div_ceil(clients).max(1);
        Self { client, clients, devices, spread: Spread::over(devices) }
    }

    /// The device at a position, and how often it came before.
    pub(super) fn device(&self, position: usize) -> (usize, usize) {
        let (within, round) = self.spread.at(position);
        (self.client + within * self.clients, round)
    }

    /// How many codes these devices can show in one step.
    pub(super) fn codes_per_step_max(&self) -> usize {
        self.devices.saturating_mul(CODES_PER_STEP_MAX)
    }
}

/// What is to be presented, by the step of its code, the earliest first.
#[derive(Debug)]
pub(super) struct Pools<T>(VecDeque<(Step, VecDeque<T>)>);

impl<T> Pools<T> {
    pub(super) fn new(pools: impl IntoIterator<Item = (Step, VecDeque<T>)>) -> Self {
        Self(pools.into_iter().collect())
    }

    /// The next one whose code lives in the present step; codes that have died are dropped.
    pub(super) fn next(&mut self, present: Step) -> Option<T> {
        loop {
            let (step, pool) = self.0.front_mut()?;
            // A code is taken from the step before its own to the step after.
            if step.number() > present.number().saturating_add(1) {
                return None;
            }
            let alive = step.number().saturating_add(1) >= present.number();
            if let Some(next) = pool.pop_front().filter(|_| alive) {
                return Some(next);
            }
            self.0.pop_front();
        }
    }
}

/// When the first code of a step can be presented: in the step before.
pub(super) fn usable_from(step: Step) -> Timestamp {
    Step::from_number(step.number().saturating_sub(1)).starts_at()
}

/// How many codes of a step a run needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct StepNeed {
    /// The step.
    pub(super) step: Step,
    /// How many codes, over all clients.
    pub(super) codes: usize,
}

/// Shares `codes` out to the steps that a run covers, by the time it spends in each of them.
///
/// A code also lives in the steps beside its own, so a run that begins up to half a minute earlier
/// or later than planned has codes as well.
pub(super) fn plan_steps(starts_at: Timestamp, seconds: usize, codes: usize) -> Vec<StepNeed> {
    let millis = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX).max(1);
    let ends_at = starts_at.plus_millis(millis);
    let mut needs = Vec::new();
    let mut step = starts_at.step();
    while step.starts_at() < ends_at {
        let from = step.starts_at().max(starts_at).unix_millis();
        let spent = step.ends_at().min(ends_at).unix_millis() - from;
        let part = i128::try_from(codes).unwrap_or(i128::MAX).saturating_mul(spent.into());
        let codes = usize::try_from((part + i128::from(millis) - 1) / i128::from(millis));
        needs.push(StepNeed { step, codes: codes.unwrap_or(usize::MAX) });
        let Some(next) = step.number().checked_add(1) else { break };
        step = Step::from_number(next);
    }
    needs
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use wallet_core::code::Freshness;
    use wallet_core::{Step, Timestamp};

    use super::{Pools, Share, StepNeed, plan_steps};

    #[test]
    fn every_device_belongs_to_one_client_and_comes_once_a_round() {
        for (clients, payers) in [(1, 1), (3, 3), (4, 50), (64, 1000)] {
            let shares = (0..clients).map(|client| Share::new(client, clients, payers));
            let devices: Vec<usize> = shares
                .flat_map(|share| (0..share.devices).map(move |position| share.device(position).0))
                .collect();
            assert_eq!(devices.len(), payers);
            assert_eq!(devices.into_iter().collect::<BTreeSet<_>>(), (0..payers).collect());
        }
        assert_eq!(Share::new(0, 1, 2).device(5).1, 2, "the third round");
    }

    #[test]
    fn codes_are_shared_out_by_the_time_spent_in_each_step() {
        let start = Step::from_number(100).starts_at();
        let need = |number, codes| StepNeed { step: Step::from_number(number), codes };
        assert_eq!(plan_steps(start, 10, 1000), [need(100, 1000)]);
        assert_eq!(plan_steps(start, 30, 1000), [need(100, 1000)]);
        let late = start.plus_millis(25_000);
        assert_eq!(plan_steps(late, 10, 1001), [need(100, 501), need(101, 501)]);
        assert_eq!(plan_steps(late, 40, 40), [need(100, 5), need(101, 30), need(102, 5)]);
    }

    #[test]
    fn a_code_is_handed_out_while_it_lives_and_in_order() {
        let pool = |number, codes: &[u8]| {
            (Step::from_number(number), codes.iter().copied().collect::<VecDeque<_>>())
        };
        let mut pools = Pools::new([pool(10, &[1, 2]), pool(11, &[3]), pool(14, &[4])]);
        let mut next = |present| pools.next(Step::from_number(present));
        assert_eq!(next(8), None, "too early");
        assert_eq!(next(9), Some(1));
        assert_eq!(next(12), Some(3), "2 has died");
        assert_eq!(next(12), None, "4 is not alive yet");
        assert_eq!(next(15), Some(4));
        assert_eq!(next(15), None);
        let (step, present) = (Step::from_number(10), Timestamp::from_unix_seconds(9 * 30));
        assert_eq!(Freshness::of(step, present), Freshness::Current);
    }
}
