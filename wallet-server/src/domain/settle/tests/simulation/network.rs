//! A network that loses, doubles, delays and reorders.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::domain::command::Command;
use crate::domain::outcome::Outcome;

/// Whose request it is: a number for each client.
pub(super) type ClientId = usize;

/// What travels.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// A command, to the server. The ids in it are given on arrival.
    Request(ClientId, Box<Command>),
    /// What became of it, to the client. `ask` is the number of the question that it answers.
    Answer(ClientId, Box<(Command, Outcome)>),
}

/// How often something goes wrong: of a thousand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) lost: u32,
    pub(super) doubled: u32,
    /// Seconds.
    pub(super) delay_max: u32,
}

impl Weather {
    pub(super) const CALM: Self = Self { lost: 0, doubled: 0, delay_max: 1 };
}

/// What went wrong.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Accidents {
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) overtaken: u64,
}

pub(super) struct Network {
    /// By the second of arrival, and then in any order that is the same in every run.
    under_way: BTreeMap<(i64, u64), Message>,
    sent: u64,
    last_arrival: i64,
    pub(super) weather: Weather,
    pub(super) accidents: Accidents,
}

impl Network {
    pub(super) fn new(weather: Weather) -> Self {
        let (under_way, accidents) = (BTreeMap::new(), Accidents::default());
        Self { under_way, sent: 0, last_arrival: 0, weather, accidents }
    }

    /// Sends something at `now`.
    pub(super) fn send(&mut self, now: i64, message: Message, rng: &mut ChaCha8Rng) {
        if happens(rng, self.weather.lost) {
            self.accidents.lost += 1;
            return;
        }
        if happens(rng, self.weather.doubled) {
            self.accidents.doubled += 1;
            self.deliver(now, message.clone(), rng);
        }
        self.deliver(now, message, rng);
    }

    fn deliver(&mut self, now: i64, message: Message, rng: &mut ChaCha8Rng) {
        self.sent += 1;
        let arrival = now + i64::from(rng.next_u32() % (self.weather.delay_max + 1));
        if arrival < self.last_arrival {
            self.accidents.overtaken += 1;
        }
        self.last_arrival = arrival;
        self.under_way.insert((arrival, self.sent), message);
    }

    /// What arrives at `now`.
    pub(super) fn arrivals(&mut self, now: i64) -> Vec<Message> {
        let later = self.under_way.split_off(&(now + 1, 0));
        std::mem::replace(&mut self.under_way, later).into_values().collect()
    }
}

/// Whether something that happens so many times of a thousand happens now.
pub(super) fn happens(rng: &mut ChaCha8Rng, of_a_thousand: u32) -> bool {
    rng.next_u32() % 1000 < of_a_thousand
}

/// A number below `end`.
pub(super) fn below(rng: &mut ChaCha8Rng, end: u32) -> u32 {
    rng.next_u32() % end
}
