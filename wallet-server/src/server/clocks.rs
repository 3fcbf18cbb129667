//! Which clock a server goes by.
//!
//! | the setting | the books | |
//! |---|---|---|
//! | `test_clock = false` | ordinary | the machine's clock |
//! | `test_clock = false` | with a clock that tests move | refused: time would go back |
//! | `test_clock = true` | with such a clock | the machine's clock, as far ahead as it was |
//! | `test_clock = true` | ordinary, nothing live | become books with such a clock |
//! | `test_clock = true` | with anything live | refused |

use std::sync::Arc;

use super::StartError;
use crate::clock::{AheadClock, Clock};
use crate::service::TestClock;
use crate::store::Store;

/// The clocks of a server.
pub(super) struct Clocks {
    /// What everything goes by.
    pub(super) clock: Arc<dyn Clock>,
    /// The same, if tests may move it.
    pub(super) test_clock: Option<TestClock>,
}

impl Clocks {
    /// The clocks of these books.
    pub(super) async fn of_books(
        store: &Store,
        clock: Arc<dyn Clock>,
        tests_move_it: bool,
    ) -> Result<Self, StartError> {
        let ahead_seconds = match (tests_move_it, store.test_ahead_seconds().await?) {
            (false, None) => return Ok(Self { clock, test_clock: None }),
            (false, Some(_)) => return Err(StartError::TestBooks),
            (true, Some(ahead_seconds)) => ahead_seconds,
            (true, None) if store.holds_live().await? => return Err(StartError::LiveBooks),
            (true, None) => {
                store.set_test_ahead_seconds(0).await?;
                0
            }
        };
        tracing::warn!(ahead_seconds, "tests move the clock of these books");
        let ahead = Arc::new(AheadClock::new(clock, ahead_seconds));
        let test_clock = Some(TestClock::new(Arc::clone(&ahead)));
        Ok(Self { clock: ahead, test_clock })
    }
}
