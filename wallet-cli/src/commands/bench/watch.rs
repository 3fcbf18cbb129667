//! Shows how far a stage has come: a line a second for whoever sits in front of a terminal, and a
//! line at its end for every reader but programs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::tally::Progress;
use crate::output::Output;
use crate::system;

/// How often a line comes.
const EVERY: Duration = Duration::from_secs(1);

/// A stage that is being watched.
pub(super) struct Watch {
    what: &'static str,
    output: Output,
    started: Instant,
    progress: Arc<Progress>,
    lines: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to watch; `total` is how many steps there will be, where that is known.
    pub(super) fn start(output: Output, what: &'static str, total: Option<usize>) -> Self {
        let progress = Arc::new(Progress::default());
        let counted = Arc::clone(&progress);
        let lines = output.shows_progress().then(|| {
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(EVERY);
                ticks.tick().await;
                let mut before = 0;
                loop {
                    ticks.tick().await;
                    let count = counted.count();
                    let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
                    output.note(format!("{what}: {count}{of}, {} a second", count - before));
                    before = count;
                }
            })
        });
        Self { what, output, started: system::instant(), progress, lines }
    }

    /// Where the stage counts its steps.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Says how long it took, and returns that.
    pub(super) fn done(self) -> Duration {
        let took = system::instant().saturating_duration_since(self.started);
        let seconds = took.as_secs_f64();
        self.output.note(format!("{}: {} in {seconds:.1} s", self.what, self.progress.count()));
        took
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(lines) = &self.lines {
            lines.abort();
        }
    }
}
