//! The whole path, over HTTP: servers in processes of their own, real codes, real connections.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use wallet_core::Timestamp;
use wallet_core::code::PaymentCode;
use wallet_server::issuer::FileKeys;
use wallet_server::store::Store;

use super::books::{Books, cores};
use super::codes::{MICROS_A_CODE, Maker, StopOnDrop};
use super::commands::Purchases;
use super::cpu::CpuTime;
use super::flood::{Answers, Flood, allow_connections};
use super::load::{Load, Requests};
use super::parallel::on_thread;
use super::people::People;
use super::place::Place;
use super::report::Measured;
use super::server::{ServerProcess, settings};
use super::share::{Pools, StepNeed, plan_steps, usable_from};
use super::watch::Watch;
use super::webhooks;
use super::{Args, Beside, Flooded, Outcome, Told};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

/// No core verifies more codes a second than this.
const CODES_PER_CORE: usize = 6_000;
/// How often to look how far the feed has come.
const FEED_POLL: Duration = Duration::from_millis(200);
/// How often in a row it may have come no further, for a minute: then the server has failed.
const FEED_STILL_MAX: u32 = 300;
/// What starting the servers takes after the codes are made.
const START_MILLIS: i64 = 2_000;

/// Measures a run, and, if PINs are to flood, another one meanwhile. The books are closed, because
/// the servers have them.
pub(super) async fn measure(
    args: &Args,
    place: &mut Place,
    books: Books,
    people: Arc<People>,
    output: Output,
) -> Result<Outcome, Failure> {
    let Books { store, keys, .. } = books;
    let unfed = Unfed::of(&store).await?;
    store.close().await;
    drop(store);
    let url = super::database_url(args, place)?;
    if unfed.batches > 0 {
        unfed.follow(place, &url, output).await?;
    }
    let store = Store::open(&url).await?;
    let bytes_before = store.measure().await?.bytes;
    store.close().await;
    drop(store);
    let run = Run { args, url: &url, keys: &keys, people: &people, output };
    let since = system::now();
    let mut measured = run.measure(place, None).await?.0;
    let store = Store::open(&url).await?;
    (measured.bytes_before, measured.bytes_after) = (bytes_before, store.measure().await?.bytes);
    let (store, beside) = match (args.pin_flood, args.webhooks) {
        (Some(clients), _) => {
            store.close().await;
            drop(store);
            output.note(format!("the same again, while {clients} devices try wrong PINs"));
            let beside = Some(Meanwhile::Flood(clients));
            let (measured, answers) = run.measure(place, beside).await?;
            let flooded = Flooded { clients, measured, answers };
            (Store::open(&url).await?, Some(Beside::Flooded(flooded)))
        }
        (None, Some(endpoints)) => {
            let (store, told) = tell(&run, place, store, endpoints).await?;
            (store, Some(Beside::Told(told)))
        }
        (None, None) => (store, None),
    };
    Ok(Outcome { store: Arc::new(store), measured, beside, since })
}

/// What servers do behind the payments, and have not done with those that were put into the books: it
/// is no part of what is measured.
struct Unfed {
    /// Where the journal ends.
    end: i64,
    /// How many batches the merchants' feed has to go until there.
    batches: i64,
}

impl Unfed {
    async fn of(store: &Store) -> Result<Self, Failure> {
        let end = store.journal_end().await?.position;
        Ok(Self { end, batches: end - store.feed_place().await?.position })
    }

    /// Lets a server do it.
    async fn follow(self, place: &Place, url: &str, output: Output) -> Result<(), Failure> {
        let total = usize::try_from(self.batches).ok();
        let watch = Watch::start(output, "batches in the merchants' feed", total);
        let server = ServerProcess::start(&settings(place, url, 0)).await?;
        let store = Store::open_to_read(url).await?;
        let (mut left, mut still) = (self.batches, 0);
        while left > 0 || !is_signed(&store, self.end).await? {
            tokio::time::sleep(FEED_POLL).await;
            let now = self.end - store.feed_place().await?.position;
            watch.progress().add(usize::try_from(left - now).unwrap_or(0));
            still = if now < left { 0 } else { still + 1 };
            if still > FEED_STILL_MAX {
                let sentence = "the server does not follow the payments that were preloaded";
                return Err(Failure::new(Exit::Unexpected, "feed_stalled", sentence));
            }
            left = now;
        }
        store.close().await;
        server.stop().await?;
        watch.done();
        Ok(())
    }
}

/// Whether the journal's log has a checkpoint over all of it.
async fn is_signed(store: &Store, end: i64) -> Result<bool, Failure> {
    let latest = store.latest_checkpoint().await?;
    Ok(latest.is_some_and(|latest| u64::try_from(end).is_ok_and(|end| latest.size >= end)))
}

/// Measures again, while endpoints are told of the payments.
async fn tell(
    run: &Run<'_>,
    place: &mut Place,
    store: Store,
    endpoints: usize,
) -> Result<(Store, Told), Failure> {
    let &Run { url, people, output, .. } = run;
    output.note(format!("the same again, while {endpoints} endpoints are told, half of them dead"));
    let running = webhooks::Running::start()?;
    let made = running.make_endpoints(&store, people, endpoints).await?;
    store.close().await;
    drop(store);
    let (measured, _) = run.measure(place, Some(Meanwhile::Tell(&running))).await?;
    let store = Store::open(url).await?;
    let living_that_wait = webhooks::Running::remove_endpoints(&store, people, &made).await?;
    let arrivals = running.stop().await?;
    Ok((store, Told { endpoints, measured, arrivals, living_that_wait }))
}

/// What goes on beside a run.
#[derive(Clone, Copy)]
enum Meanwhile<'a> {
    /// So many devices try PINs.
    Flood(usize),
    /// Endpoints are told.
    Tell(&'a webhooks::Running),
}

/// What all runs share.
struct Run<'a> {
    args: &'a Args,
    url: &'a str,
    keys: &'a FileKeys,
    people: &'a Arc<People>,
    output: Output,
}

impl Run<'_> {
    /// Makes codes, starts the servers, sends charges, and stops the servers. Returns what a flood
    /// from so many clients was answered, too.
    async fn measure(
        &self,
        place: &mut Place,
        meanwhile: Option<Meanwhile<'_>>,
    ) -> Result<(Measured, Answers), Failure> {
        let &Self { args, url, people, output, .. } = self;
        let needs = needs(args, place)?;
        let watch = Watch::start(output, "codes", Some(needs.iter().map(|need| need.codes).sum()));
        let codes = self.make(&needs, &watch).await?;
        let made = watch.progress().count();
        let codes_took = watch.done();
        let flood = match meanwhile {
            Some(Meanwhile::Flood(clients)) => Some(clients),
            Some(Meanwhile::Tell(_)) | None => None,
        };
        // Each endpoint has a connection at both of its ends.
        flood.or(args.webhooks).map_or(Ok(()), allow_connections)?;
        let mut servers = Vec::with_capacity(args.servers);
        for number in 0..args.servers {
            let settings = [settings(place, url, number), args.set.clone()].concat();
            servers.push(ServerProcess::start(&settings).await?);
        }
        if let Some(first) = needs.first() {
            wait_until(usable_from(first.step)).await;
        }
        let addresses: Vec<_> = servers.iter().map(ServerProcess::address).collect();
        let flood = match flood {
            Some(clients) => {
                let (servers, people) = (addresses.clone(), Arc::clone(people));
                Some(Flood { servers, people, clients }.start().await?)
            }
            None => None,
        };
        let purchases = Purchases::new(system::random_hex::<4>(), super::receivers(args));
        let load = Load {
            servers: addresses,
            requests: Arc::new(Requests::new(people, purchases)),
            codes,
            lasts: Duration::from_secs(args.seconds),
            rate: args.rate,
        };
        let watch = Watch::start(output, "answers", None);
        let progress = Arc::clone(watch.progress());
        let ids: Vec<u32> = servers.iter().map(ServerProcess::id).collect();
        let loaded = on_thread("load", move || load.run(&progress, || sample(&ids))).await??;
        watch.done();
        let answers = match flood {
            Some(flood) => flood.stop().await?,
            None => Answers::default(),
        };
        if let Some(Meanwhile::Tell(endpoints)) = meanwhile {
            endpoints.settle_down().await;
        }
        for server in servers {
            server.stop().await?;
        }
        let split = |(before, after): (Option<CpuTime>, Option<CpuTime>)| {
            before.zip(after).map(|(before, after)| after.since(&before))
        };
        let measured = Measured {
            tally: loaded.tally,
            took: loaded.took,
            server: split((loaded.before.servers, loaded.after.servers)),
            load: split((loaded.before.load, loaded.after.load)),
            codes: made,
            codes_took,
            ..Measured::default()
        };
        Ok((measured, answers))
    }

    /// Makes the codes on all cores.
    async fn make(
        &self,
        needs: &[StepNeed],
        watch: &Watch,
    ) -> Result<Vec<Pools<PaymentCode>>, Failure> {
        let now: Timestamp = system::now();
        let maker = Maker::new(self.people, self.keys, self.args.connections, now)?;
        let stopped = Arc::new(AtomicBool::new(false));
        let _stop = StopOnDrop(Arc::clone(&stopped));
        let (needs, progress) = (needs.to_vec(), Arc::clone(watch.progress()));
        on_thread("codes", move || maker.make(cores(), &needs, &stopped, &progress)).await?
    }
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
