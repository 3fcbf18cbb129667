//! When to send a request again.

use std::time::Duration;

use crate::failure::{Exit, Failure};

/// The attempts at one request.
///
/// | this attempt ended | and an earlier one may have arrived | so |
/// |---|---|---|
/// | with an answer that settles it | either | that is the answer |
/// | unreachable, or unknown | either | try again, a bounded number of times |
/// | unreachable, the last time | no | unreachable: nothing was decided |
/// | unreachable, the last time | yes | the outcome is unknown |
/// | refused without a look at the payment (the key was revoked) | yes | the outcome is unknown |
#[derive(Debug)]
pub(super) struct Retries {
    left: u32,
    pause: Duration,
    maybe_arrived: Option<Failure>,
}

impl Retries {
    /// So many attempts; the pauses between them double.
    pub(super) fn up_to(attempts: u32, pause: Duration) -> Self {
        Self { left: attempts, pause, maybe_arrived: None }
    }

    /// How long to wait before the next attempt, or what to report.
    pub(super) fn after(&mut self, failure: Failure) -> Result<Duration, Failure> {
        let again = match failure.exit() {
            Exit::Unreachable => true,
            Exit::AskAgain => failure.may_pass_by_waiting(),
            Exit::Unexpected | Exit::Usage | Exit::Refused | Exit::Local => false,
        };
        self.left = self.left.saturating_sub(1);
        if again && self.left > 0 {
            if failure.exit() == Exit::AskAgain {
                self.maybe_arrived = Some(failure);
            }
            let pause = self.pause;
            self.pause = pause.saturating_mul(2);
            return Ok(pause);
        }
        // Only an answer about the payment itself says what an earlier attempt did.
        Err(if failure.is_final() { failure } else { self.maybe_arrived.take().unwrap_or(failure) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Retries;
    use crate::client::Problem;
    use crate::failure::{Exit, Failure};

    fn retries(attempts: u32) -> Retries {
        Retries::up_to(attempts, Duration::from_millis(1))
    }

    fn unreachable() -> Failure {
        Failure::new(Exit::Unreachable, "unreachable", "")
    }

    fn broken() -> Failure {
        Failure::new(Exit::AskAgain, "no_answer", "")
    }

    fn answered(status: u16, certainty: &str) -> Failure {
        let body = format!(r#"{{"code":"x","certainty":"{certainty}"}}"#);
        Failure::problem(Problem::read(status, body.as_bytes()))
    }

    #[test]
    fn attempts_are_bounded_and_their_pauses_double() {
        let mut retries = retries(3);
        let first = retries.after(unreachable()).unwrap();
        assert_eq!(retries.after(unreachable()).unwrap(), first * 2);
        assert_eq!(retries.after(unreachable()).unwrap_err().exit(), Exit::Unreachable);
    }

    #[test]
    fn a_request_that_may_have_arrived_stays_unknown_when_the_server_vanishes() {
        let mut retries = retries(2);
        retries.after(broken()).unwrap();
        let failure = retries.after(unreachable()).unwrap_err();
        assert_eq!((failure.exit(), failure.code()), (Exit::AskAgain, "no_answer"));
    }

    #[test]
    fn a_refusal_that_says_nothing_about_the_payment_leaves_an_earlier_attempt_unknown() {
        let mut retries = retries(3);
        retries.after(broken()).unwrap();
        assert_eq!(retries.after(answered(401, "retry")).unwrap_err().code(), "no_answer");
        let failure = super::Retries::up_to(3, Duration::ZERO).after(answered(401, "retry"));
        assert_eq!(failure.unwrap_err().exit(), Exit::Refused);
    }

    #[test]
    fn an_answer_that_settles_the_matter_is_not_asked_for_again() {
        assert_eq!(retries(5).after(answered(402, "final")).unwrap_err().code(), "x");
        assert_eq!(retries(5).after(answered(409, "retry")).unwrap_err().code(), "x");
        assert!(retries(5).after(answered(503, "retry")).is_ok());
        assert!(retries(5).after(answered(500, "unknown")).is_ok());
    }
}
