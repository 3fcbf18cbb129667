//! Filling the books before anything is measured: people, their money, and payments of past days.

use std::sync::Arc;

use wallet_core::Timestamp;
use wallet_server::clock::ManualClock;
use wallet_server::domain::command::Command;

use super::books::Books;
use super::codes::Signer;
use super::commands::{Commands, Purchases, mark};
use super::ledger::Ledger;
use super::people::People;
use super::place::{DAY_MILLIS, PAST_DAYS, Place};
use super::share::Share;
use super::watch::Watch;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// How many commands are under way while the books are filled.
const IN_FLIGHT: usize = 2048;
/// How many payments are made at one moment of the past, and how many of them by one device at
/// most: fewer than the codes that it can show in a step.
const MOMENT_PAYMENTS: usize = 16_384;
const MOMENT_PAYMENTS_PER_DEVICE: usize = 128;

/// What the books shall hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) payers: usize,
    pub(super) merchants: usize,
    pub(super) preload: usize,
    /// Whether payers sign for the payments that are put into the books.
    pub(super) signed: bool,
}

/// Brings the books to hold what is wanted, or more if an earlier run left it so, and returns who
/// takes part: as many as are wanted.
pub(super) async fn fill(
    books: &Books,
    place: &mut Place,
    wanted: Wanted,
    output: Output,
) -> Result<Arc<People>, Failure> {
    let created_at = Timestamp::from_unix_millis(place.state.created_at);
    let seed = place.state.seed.clone();
    let people = |payers, merchants| {
        Arc::new(People::new(&seed, created_at, (payers, merchants), books.currency))
    };
    let known = people(place.state.payers, place.state.merchants);
    if known.payers > 0 && !books.know(&known).await? {
        let sentence = "the directory and the database do not belong together";
        return Err(Failure::new(Exit::Usage, "other_database", sentence));
    }
    let all = people(wanted.payers.max(known.payers), wanted.merchants.max(known.merchants));
    if known.payers > 0 && (all.payers > known.payers || all.merchants > known.merchants) {
        let sentence = format!(
            "the books hold {} payers and {} merchants, fewer than wanted",
            known.payers, known.merchants
        );
        return Err(Failure::new(Exit::Usage, "too_few", sentence)
            .hint("ask for no more of them, or begin in a new directory"));
    }
    if known.payers == 0 {
        let watch = Watch::start(output, "payers", Some(all.payers));
        books.add_merchants(&all, 0).await?;
        books.add_payers(&all, 0, watch.progress()).await?;
        watch.done();
        top_up(books, &all, created_at, output).await?;
        place.state.payers = all.payers;
        place.state.merchants = all.merchants;
        place.save()?;
    }
    if place.state.preloaded < wanted.preload {
        preload(books, place, &all, wanted, output).await?;
    }
    Ok(people(wanted.payers, wanted.merchants))
}

/// Gives every payer money.
async fn top_up(
    books: &Books,
    people: &Arc<People>,
    at: Timestamp,
    output: Output,
) -> Result<(), Failure> {
    let watch = Watch::start(output, "top-ups", Some(people.payers));
    let ledger = Ledger::start(books, Arc::new(ManualClock::new(at))).await?;
    let clients = IN_FLIGHT.min(people.payers);
    let clients = (0..clients).map(|client| {
        let commands = commands(books, people, "fill");
        let mut payers = (client..people.payers).step_by(clients);
        // An amount of more than zero can always be paid in.
        move || payers.next().and_then(|payer| commands.top_up(payer, at).ok())
    });
    let filled = ledger.drive_all(clients.collect(), watch.progress()).await;
    ledger.stop().await;
    watch.done();
    filled
}

/// Makes payments on the days between the beginning of the books and yesterday.
async fn preload(
    books: &Books,
    place: &mut Place,
    people: &Arc<People>,
    Wanted { preload: wanted, signed, .. }: Wanted,
    output: Output,
) -> Result<(), Failure> {
    if place.state.preloaded > 0 || place.state.last_step.is_some() {
        let sentence = "payments of past days can only be put into books that have none yet";
        return Err(Failure::new(Exit::Usage, "too_few", sentence)
            .hint("ask for no more of them than in the first run, or begin in a new directory"));
    }
    let watch = Watch::start(output, "preloaded payments", Some(wanted));
    let first = Timestamp::from_unix_millis(place.state.created_at).plus_millis(DAY_MILLIS);
    let clock = Arc::new(ManualClock::new(first));
    let ledger = Ledger::start(books, Arc::clone(&clock) as Arc<_>).await?;
    let signer = if signed { Some(Arc::new(Signer::new(people, &books.keys)?)) } else { None };
    let commands = Commands { signer, ..commands(books, people, "past") };
    let size = MOMENT_PAYMENTS.min(people.payers.saturating_mul(MOMENT_PAYMENTS_PER_DEVICE));
    let moments = wanted.div_ceil(size);
    let days = (PAST_DAYS - 2) * DAY_MILLIS;
    let between = days / i64::try_from(moments).unwrap_or(i64::MAX).max(1);
    let mut at = first;
    for moment in 0..moments {
        let from = moment * size;
        let clients = moment_clients(&commands, (from, size.min(wanted - from)), at);
        ledger.drive_all(clients, watch.progress()).await?;
        clock.advance_millis(between);
        at = at.plus_millis(between);
    }
    ledger.stop().await;
    watch.done();
    place.state.preloaded = wanted;
    place.save()
}

/// The clients that make the payments of one moment, from a number on.
fn moment_clients(
    commands: &Commands,
    (from, size): (usize, usize),
    at: Timestamp,
) -> Vec<impl FnMut() -> Option<Command> + Send + 'static> {
    let payers = commands.people.payers;
    let clients = IN_FLIGHT.min(payers).min(size);
    (0..clients)
        .map(|client| {
            let commands = commands.clone();
            let share = Share::new(client, clients, payers);
            // The same clients come at every moment but the last; each goes on where it stopped.
            let (before, count) = (from / clients, (size - client).div_ceil(clients));
            let mut n = 0;
            move || {
                let position = before + n;
                let (device, _) = share.device(position);
                // What a device showed at this moment before: the positions since then, by rounds.
                let round = share.device(n).1;
                let mark = mark(at.step(), round);
                n += 1;
                (n <= count)
                    .then(|| commands.charge((client, from + n), (device, mark), at).ok())
                    .flatten()
            }
        })
        .collect()
}

fn commands(books: &Books, people: &Arc<People>, run: &str) -> Commands {
    Commands {
        people: Arc::clone(people),
        purchases: Purchases::new(run.to_owned(), people.merchants),
        entropy: Arc::clone(&books.entropy),
        signer: None,
    }
}
