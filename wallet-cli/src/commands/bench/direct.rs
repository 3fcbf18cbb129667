//! Settlement alone: commands made in advance, settled by the batcher in this process.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use wallet_server::clock::SystemClock;
use wallet_server::domain::command::Command;

use super::books::{Books, cores};
use super::commands::{Commands, Purchases, mark};
use super::cpu::CpuTime;
use super::http::wait_until;
use super::ledger::Ledger;
use super::parallel::{on_thread, parallel};
use super::people::People;
use super::place::Place;
use super::report::Measured;
use super::share::{Pools, Share, StepNeed, plan_steps, usable_from};
use super::tally::Pace;
use super::watch::Watch;
use super::{Args, Outcome};
use crate::failure::Failure;
use crate::output::Output;
use crate::system;

/// No machine settles more commands a second for each of its cores than this.
const COMMANDS_PER_CORE: usize = 25_000;

/// Measures one run.
pub(super) async fn measure(
    args: &Args,
    place: &mut Place,
    books: Books,
    people: Arc<People>,
    output: Output,
) -> Result<Outcome, Failure> {
    let since = system::now();
    let needs = needs(args, place)?;
    let usable = needs.first().map_or(since, |first| usable_from(first.step));
    let watch = Watch::start(output, "commands", None);
    let commands = Commands {
        people,
        purchases: Purchases::new(system::random_hex::<4>(), super::receivers(args)),
        entropy: Arc::clone(&books.entropy),
        signer: None,
    };
    let clients = args.in_flight;
    let pools = on_thread("commands", move || make(&commands, clients, &needs)).await??;
    watch.done();

    let bytes_before = books.store.measure().await?.bytes;
    let ledger = Ledger::start(&books, Arc::new(SystemClock)).await?;
    let clients: Vec<_> =
        pools.into_iter().map(|mut pools| move || pools.next(system::now().step())).collect();
    wait_until(usable).await;
    let watch = Watch::start(output, "settled", None);
    let used = CpuTime::of_process(std::process::id());
    let pace = Pace::new(Duration::from_secs(args.seconds), args.rate, args.in_flight);
    let tally = ledger.drive(clients, pace, watch.progress()).await?;
    let took = system::instant().saturating_duration_since(pace.starts());
    let now = CpuTime::of_process(std::process::id());
    watch.done();
    ledger.stop().await;
    let measured = Measured {
        tally,
        took,
        server: now.zip(used).map(|(now, before)| now.since(&before)),
        bytes_before,
        bytes_after: books.store.measure().await?.bytes,
        ..Measured::default()
    };
    Ok(Outcome { store: books.store, measured, beside: None, since })
}

/// How many commands of which steps the run needs.
fn needs(args: &Args, place: &mut Place) -> Result<Vec<StepNeed>, Failure> {
    let seconds = usize::try_from(args.seconds).unwrap_or(usize::MAX);
    let most = cores().saturating_mul(COMMANDS_PER_CORE);
    let rate = args.rate.and_then(|rate| usize::try_from(rate).ok()).unwrap_or(most);
    let count = rate.min(most).saturating_mul(seconds).saturating_add(args.in_flight);
    place.plan(system::now(), |starts_at| plan_steps(starts_at, seconds, count))
}

/// Makes each client's commands.
fn make(
    commands: &Commands,
    clients: usize,
    needs: &[StepNeed],
) -> Result<Vec<Pools<Command>>, Failure> {
    let made = parallel(cores(), clients, |client| {
        let share = Share::new(client, clients, commands.people.payers);
        let at = system::now();
        let mut from = 0;
        let mut pools = Vec::with_capacity(needs.len());
        for need in needs {
            let count = need.codes.div_ceil(clients).min(share.codes_per_step_max());
            let pool: Result<VecDeque<Command>, Failure> = (0..count)
                .map(|n| {
                    let (device, _) = share.device(from + n);
                    let mark = mark(need.step, share.device(n).1);
                    commands.charge((client, from + n), (device, mark), at)
                })
                .collect();
            pools.push((need.step, pool?));
            from += count;
        }
        Ok(Pools::new(pools))
    });
    made.into_iter().collect()
}
