//! The whole path, over HTTP: servers in processes of their own, real codes, real connections.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use wallet_core::Timestamp;
use wallet_core::code::PaymentCode;
use wallet_server::store::Store;

use super::books::{Books, cores};
use super::codes::{MICROS_A_CODE, Maker, StopOnDrop};
use super::commands::Purchases;
use super::cpu::CpuTime;
use super::load::{Load, Requests};
use super::parallel::on_thread;
use super::people::People;
use super::place::Place;
use super::report::Measured;
use super::server::{ServerProcess, settings};
use super::share::{Pools, StepNeed, plan_steps, usable_from};
use super::watch::Watch;
use super::{Args, Outcome};
use crate::failure::Failure;
use crate::output::Output;
use crate::system;

/// No core verifies more codes a second than this.
const CODES_PER_CORE: usize = 6_000;
/// What starting the servers takes after the codes are made.
const START_MILLIS: i64 = 2_000;

/// Measures one run; the books are closed meanwhile, because the servers have them.
pub(super) async fn measure(
    args: &Args,
    place: &mut Place,
    books: Books,
    people: Arc<People>,
    output: Output,
) -> Result<Outcome, Failure> {
    let needs = needs(args, place)?;
    let watch = Watch::start(output, "codes", Some(needs.iter().map(|need| need.codes).sum()));
    let codes = make(args, &books, &people, &needs, &watch).await?;
    let made = watch.progress().count();
    let codes_took = watch.done();
    let bytes_before = books.store.measure().await?.bytes;
    books.store.close().await;
    drop(books);

    let url = super::database_url(args, place)?;
    let mut servers = Vec::with_capacity(args.servers);
    for number in 0..args.servers {
        let settings = settings(place, &url, number);
        servers.push(ServerProcess::start(&settings).await?);
    }
    if let Some(first) = needs.first() {
        wait_until(usable_from(first.step)).await;
    }
    let purchases = Purchases::new(system::random_hex::<4>(), super::receivers(args));
    let load = Load {
        servers: servers.iter().map(ServerProcess::address).collect(),
        requests: Arc::new(Requests::new(&people, purchases)),
        codes,
        lasts: Duration::from_secs(args.seconds),
        rate: args.rate,
    };
    let watch = Watch::start(output, "answers", None);
    let progress = Arc::clone(watch.progress());
    let ids: Vec<u32> = servers.iter().map(ServerProcess::id).collect();
    let since = system::now();
    let loaded = on_thread("load", move || load.run(&progress, || sample(&ids))).await??;
    watch.done();
    for server in servers {
        server.stop().await?;
    }

    let store = Arc::new(Store::open(&url).await?);
    let split = |(before, after): (Option<CpuTime>, Option<CpuTime>)| {
        before.zip(after).map(|(before, after)| after.since(&before))
    };
    let measured = Measured {
        tally: loaded.tally,
        took: loaded.took,
        server: split((loaded.before.servers, loaded.after.servers)),
        load: split((loaded.before.load, loaded.after.load)),
        bytes_before,
        bytes_after: store.measure().await?.bytes,
        codes: made,
        codes_took,
    };
    Ok(Outcome { store, measured, since })
}

/// How many codes of which steps the run needs, all of later steps than those of earlier runs.
fn needs(args: &Args, place: &mut Place) -> Result<Vec<StepNeed>, Failure> {
    let seconds = usize::try_from(args.seconds).unwrap_or(usize::MAX);
    let most = cores().saturating_mul(CODES_PER_CORE);
    let rate = args.rate.and_then(|rate| usize::try_from(rate).ok()).unwrap_or(most);
    let codes = rate.min(most).saturating_mul(seconds).saturating_add(args.connections);
    let making = codes.saturating_mul(MICROS_A_CODE) / cores() / 1000;
    let making = i64::try_from(making).unwrap_or(i64::MAX);
    let ready = system::now().plus_millis(making).plus_millis(START_MILLIS);
    place.plan(ready, |starts_at| plan_steps(starts_at, seconds, codes))
}

/// Makes the codes on all cores.
async fn make(
    args: &Args,
    books: &Books,
    people: &Arc<People>,
    needs: &[StepNeed],
    watch: &Watch,
) -> Result<Vec<Pools<PaymentCode>>, Failure> {
    let now: Timestamp = system::now();
    let maker = Maker::new(people, &books.keys, args.connections, now)?;
    let stopped = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stopped));
    let (needs, progress) = (needs.to_vec(), Arc::clone(watch.progress()));
    on_thread("codes", move || maker.make(cores(), &needs, &stopped, &progress)).await?
}

/// Waits, if a moment has not come yet.
pub(super) async fn wait_until(moment: Timestamp) {
    let millis = moment.unix_millis() - system::now().unix_millis();
    tokio::time::sleep(Duration::from_millis(u64::try_from(millis).unwrap_or(0))).await;
}

/// Processor time at one moment.
struct Sample {
    servers: Option<CpuTime>,
    load: Option<CpuTime>,
}

fn sample(servers: &[u32]) -> Sample {
    let used = servers.iter().map(|id| CpuTime::of_process(*id));
    Sample {
        servers: used.reduce(|one, other| Some(one? + other?)).flatten(),
        load: CpuTime::of_process(std::process::id()),
    }
}
