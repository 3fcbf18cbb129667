//! The states of a sale, and what leads from one to another. The table is in the module above.

use super::answer::{Answer, Charged, Reversed};
use super::outcome::{Outcome, Payment, Problem};
use super::pace::Pace;
use crate::Timestamp;

/// Where a sale stands, with what is known there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum State {
    Charging(Charging),
    Following(Following),
    Reversing(Reversing),
    Ended(Outcome),
}

/// The charge is sent, again and again, until there is an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Charging {
    pub(super) code: String,
    pub(super) pace: Pace,
    /// Whether an attempt may have arrived of which nothing was heard: of this run, or of an earlier
    /// one.
    pub(super) open: bool,
}

/// There is a payment; what it is now is asked, until it is decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Following {
    /// Kept for a run after a crash, which begins with the charge again.
    pub(super) code: String,
    pub(super) payment: Payment,
    pub(super) pace: Pace,
}

/// The sale is called off, again and again, until the server has said so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reversing {
    pub(super) pace: Pace,
    /// Whether an attempt may have arrived of which nothing was heard.
    pub(super) open: bool,
    /// Whether the payment is looked at next, because it could not be undone.
    pub(super) looks: bool,
}

/// When an answer came, what for, and what shortens the pauses.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) now: Timestamp,
    pub(super) asked_at: Timestamp,
    pub(super) key: &'a str,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The request never left.
    Unsent,
    /// It may have arrived.
    Lost,
}

impl State {
    pub(super) fn answered(self, answer: &Answer, at: Moment<'_>) -> Self {
        match self {
            Self::Charging(state) => state.answered(answer, at),
            Self::Following(state) => state.answered(answer, at),
            Self::Reversing(state) => state.answered(answer, at),
            Self::Ended(_) => self,
        }
    }

    pub(super) fn missed(self, missing: Missing, at: Moment<'_>) -> Self {
        let problem = match missing {
            Missing::Unsent => Problem::own("unreachable", "the server can't be reached"),
            Missing::Lost => Problem::own("no_answer", "the server's answer did not come"),
        };
        match self {
            Self::Charging(state) => {
                let open = state.open || missing == Missing::Lost;
                let pace = state.pace.after_failure(at.now, at.key, None, problem);
                Self::Charging(Charging { pace, open, ..state })
            }
            Self::Following(state) => {
                let pace = state.pace.after_failure(at.now, at.key, None, problem);
                Self::Following(Following { pace, ..state })
            }
            Self::Reversing(state) => {
                let open = state.open || (missing == Missing::Lost && !state.looks);
                let pace = state.pace.after_failure(at.now, at.key, None, problem);
                Self::Reversing(Reversing { pace, open, ..state })
            }
            Self::Ended(_) => self,
        }
    }

    /// What a till does that waits no longer; `hurried` if not even for a first answer.
    pub(super) fn late(self, hurried: bool, now: Timestamp) -> Self {
        match self {
            Self::Charging(state) if hurried || state.open || state.pace.attempts > 0 => {
                state.give_up(now)
            }
            Self::Following(state) if hurried || state.pace.attempts > 0 => reverse(now),
            Self::Charging(_) | Self::Following(_) | Self::Reversing(_) | Self::Ended(_) => self,
        }
    }

    /// One more request is made.
    pub(super) fn attempt(self) -> Self {
        match self {
            Self::Charging(it) => Self::Charging(Charging { pace: it.pace.attempt(), ..it }),
            Self::Following(it) => Self::Following(Following { pace: it.pace.attempt(), ..it }),
            Self::Reversing(it) => Self::Reversing(Reversing { pace: it.pace.attempt(), ..it }),
            Self::Ended(_) => self,
        }
    }

    /// The attempts at what is done now.
    pub(super) fn pace(&self) -> Option<&Pace> {
        match self {
            Self::Charging(state) => Some(&state.pace),
            Self::Following(state) => Some(&state.pace),
            Self::Reversing(state) => Some(&state.pace),
            Self::Ended(_) => None,
        }
    }
}

fn reverse(now: Timestamp) -> State {
    State::Reversing(Reversing { pace: Pace::new(now), open: false, looks: false })
}

impl Charging {
    fn answered(self, answer: &Answer, at: Moment<'_>) -> State {
        match answer.to_charge() {
            Charged::Payment(payment) => self.found(payment, answer.replayed, at.now),
            Charged::Declined(payment, problem) => {
                State::Ended(Outcome::Declined { payment, problem: Some(problem) })
            }
            Charged::Canceled => State::Ended(Outcome::Reversed(None)),
            Charged::ReferenceTaken(problem) => State::Ended(Outcome::ReferenceTaken(problem)),
            // These say nothing of an attempt that is still on its way.
            Charged::CodeInvalid(_) | Charged::Refused(_) if self.open => reverse(at.now),
            Charged::CodeSpent(problem) | Charged::CodeInvalid(problem) => {
                State::Ended(Outcome::CodeUnusable(problem))
            }
            Charged::Refused(problem) => State::Ended(Outcome::Refused(problem)),
            Charged::NotYet(problem) => self.again(false, problem, answer, at),
            Charged::Unknown(problem) => self.again(true, problem, answer, at),
        }
    }

    /// A first answer tells what is. A repeated one tells what was: since then the payment may have
    /// been called off elsewhere, so it is looked at.
    fn found(self, payment: Payment, replayed: bool, now: Timestamp) -> State {
        let follow =
            |code, payment| State::Following(Following { code, payment, pace: Pace::new(now) });
        if self.open || replayed {
            return follow(self.code, payment);
        }
        match Outcome::of(payment) {
            Ok(outcome) => State::Ended(outcome),
            Err(payment) => follow(self.code, payment),
        }
    }

    fn again(self, unknown: bool, problem: Problem, answer: &Answer, at: Moment<'_>) -> State {
        let pace = self.pace.after_failure(at.now, at.key, answer.retry_after, problem);
        State::Charging(Self { pace, open: self.open || unknown, ..self })
    }

    /// If no attempt can have done anything, that is the outcome, whatever the network does.
    fn give_up(self, now: Timestamp) -> State {
        if self.open {
            return reverse(now);
        }
        let called_off = || Problem::own("called_off", "called off before anything was sent");
        State::Ended(Outcome::Refused(self.pace.problem.unwrap_or_else(called_off)))
    }
}

impl Following {
    fn answered(self, answer: &Answer, at: Moment<'_>) -> State {
        match answer.to_question() {
            Ok(payment) if payment.id == self.payment.id => match Outcome::of(payment) {
                Ok(outcome) => State::Ended(outcome),
                Err(payment) => {
                    let pace = self.pace.same_again(at.asked_at);
                    State::Following(Self { payment, pace, ..self })
                }
            },
            Ok(_) => {
                let other = Problem::own("unexpected_answer", "the answer is of another payment");
                self.again(other, answer, at)
            }
            Err(problem) => self.again(problem, answer, at),
        }
    }

    fn again(self, problem: Problem, answer: &Answer, at: Moment<'_>) -> State {
        let pace = self.pace.after_failure(at.now, at.key, answer.retry_after, problem);
        State::Following(Self { pace, ..self })
    }
}

impl Reversing {
    fn answered(self, answer: &Answer, at: Moment<'_>) -> State {
        if self.looks {
            return self.looked(answer, at);
        }
        match answer.to_reversal() {
            Reversed::Done(None) => State::Ended(Outcome::Reversed(None)),
            Reversed::Done(Some(payment)) => match Outcome::of(payment) {
                Ok(outcome) if !outcome.is_paid() => State::Ended(outcome),
                // A first answer that something has overtaken: it is looked at.
                Ok(_) | Err(_) => self.look(at),
            },
            Reversed::TooLate => self.look(at),
            // An attempt that is still on its way may find the balance larger, and undo what the
            // till has told.
            Reversed::Unaffordable(_) if !self.open => self.look(at),
            Reversed::Unaffordable(problem) | Reversed::NotYet(problem) => {
                self.again(problem, answer, at)
            }
            Reversed::Unknown(problem) => Self { open: true, ..self }.again(problem, answer, at),
        }
    }

    fn look(self, at: Moment<'_>) -> State {
        State::Reversing(Self { pace: Pace::new(at.now), looks: true, ..self })
    }

    fn looked(self, answer: &Answer, at: Moment<'_>) -> State {
        let waits = Problem::own("not_decided", "the payment is not decided");
        match answer.to_look_up().map(|payment| payment.map(Outcome::of)) {
            Ok(Some(Ok(outcome))) => State::Ended(outcome),
            Ok(None | Some(Err(_))) => Self { looks: false, ..self }.again(waits, answer, at),
            Err(problem) => self.again(problem, answer, at),
        }
    }

    fn again(self, problem: Problem, answer: &Answer, at: Moment<'_>) -> State {
        let pace = self.pace.after_failure(at.now, at.key, answer.retry_after, problem);
        State::Reversing(Self { pace, ..self })
    }
}
