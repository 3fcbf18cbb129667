//! Feeds a fuzzer's bytes to every call of the API, against a running server.

#![no_main]

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::{env, fs};

use tokio::runtime::{Builder, Runtime};
use wallet_tests::{Database, Hostile};

/// After so many requests the world begins anew: by then accounts are closed and keys revoked.
const REQUESTS_MAX: u32 = 2_000;

/// Where the requests to begin with are written to. They name what is in one world, so they are made
/// anew for each server.
const REQUESTS: &str = "WALLET_FUZZ_REQUESTS";

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
static WORLD: Mutex<Option<(Hostile, u32)>> = Mutex::new(None);

async fn begin() -> Hostile {
    Hostile::new(Database::Sqlite, Hostile::FUZZED).await
}

/// Before the fuzzer reads what it begins with.
fn write_requests() {
    let Some(folder) = env::var_os(REQUESTS).map(PathBuf::from) else { return };
    let hostile = RUNTIME.block_on(begin());
    for (number, request) in hostile.requests().iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), request).unwrap();
    }
    *WORLD.lock().unwrap() = Some((hostile, 0));
}

libfuzzer_sys::fuzz_target!(init: write_requests(), |bytes: &[u8]| {
    let mut world = WORLD.lock().unwrap();
    RUNTIME.block_on(async {
        if let Some((worn, _)) = world.take_if(|(_, sent)| *sent >= REQUESTS_MAX) {
            worn.end().await;
        }
        if world.is_none() {
            *world = Some((begin().await, 0));
        }
        let (hostile, sent) = world.as_mut().unwrap();
        if hostile.check(bytes).await.is_some() {
            *sent += 1;
        }
    });
});
