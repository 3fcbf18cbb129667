//! Feeds a fuzzer's bytes to every call of the API, against a running server.

#![no_main]

use std::sync::{LazyLock, Mutex};

use tokio::runtime::{Builder, Runtime};
use wallet_tests::{Database, Hostile};

/// After so many requests the world begins anew: by then accounts are closed and keys revoked.
const REQUESTS_MAX: u32 = 2_000;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
static WORLD: Mutex<Option<(Hostile, u32)>> = Mutex::new(None);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut world = WORLD.lock().unwrap();
    RUNTIME.block_on(async {
        if let Some((worn, _)) = world.take_if(|(_, sent)| *sent >= REQUESTS_MAX) {
            worn.end().await;
        }
        if world.is_none() {
            *world = Some((Hostile::new(Database::Sqlite, Hostile::FUZZED).await, 0));
        }
        let (hostile, sent) = world.as_mut().unwrap();
        if hostile.check(bytes).await.is_some() {
            *sent += 1;
        }
    });
});
