//! Which threads wait when the cores do not suffice for all.
//!
//! Every payment goes through one thread that settles and one that writes, while verification has
//! a thread for each core. If all are equal, those two wait for cores that verify what is not
//! needed yet, and everybody waits for them.

/// Computing that other work depends on less than on settlement.
pub(crate) const COMPUTING: i32 = 5;
/// Computing that must not be felt: the hashing of PINs.
pub(crate) const HASHING: i32 = 10;

/// Lets the threads of higher priority go before the calling one, from now on. `steps` are those
/// of `nice`, 0 to 19. Where only a whole process has a priority, nothing is done.
pub(crate) fn step_back(steps: i32) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(steps) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = steps;
}
