//! Two servers sign one journal: one at a time, both at once, and each alone.

use std::time::Duration;

use sqlx::Row as _;
use wallet_core::issuer::IssuerDocument;
use wallet_core::proof::{Checkpoint, SignedCheckpoint, TreeHash, verify_consistency};
use wallet_core::{IssuerId, SigningPublicKey};
use wallet_server::Server;
use wallet_tests::{Answer, Charge, Phone, Till, World};

use super::Two;
use crate::journeys::audit::assert_audited;

/// How long a checkpoint, or a lease, may take: far more than the workers need.
const DEADLINE: Duration = Duration::from_mins(1);
/// The lease of the process that signs.
const LEASE: &str = "journal-log";
/// Later than a lease is renewed, and sooner than it ends.
const RENEWED_SECONDS: i64 = 4;
/// How long a lease lasts.
const LASTS_SECONDS: i64 = 10;

/// Two servers that sign as often as they can, with somebody who pays at both.
struct Signing {
    world: World,
    other: Option<Server>,
    tills: [Till; 2],
    phone: Phone,
    issuer: (IssuerId, Vec<SigningPublicKey>),
    /// What the servers have shown, in the order in which they did.
    shown: Vec<Checkpoint>,
    charged: usize,
}

impl Signing {
    async fn start(seed: u64) -> Self {
        let changes = [("journal.checkpoint_seconds", "1"), ("limits.new_payers.day", "900.00")];
        let Two { world, other, tills } = Two::start(seed, "read committed", &changes).await;
        let phone = world.payer("Wei", "500.00").await;
        let answer = get(&world, &world.url("/v1/issuer")).await;
        let document = IssuerDocument::parse(answer.text("/document")).unwrap();
        let id = document.claimed_issuer_id();
        let issuer = (id, document.verify(&id).unwrap().signing_keys());
        let (other, shown) = (Some(other), Vec::new());
        Self { world, other, tills, phone, issuer, shown, charged: 0 }
    }

    /// The servers that run, by the numbers of their tills.
    fn running(&self) -> Vec<(usize, String)> {
        let first = Some(self.world.url("")).filter(|base| !base.is_empty());
        let other = self.other.as_ref().map(|other| other.public_url().to_owned());
        first.map(|base| (0, base)).into_iter().chain(other.map(|base| (1, base))).collect()
    }

    /// Pays at the servers that run, in turns, and waits until all of it is signed.
    async fn pay(&mut self, payments: usize) {
        self.charge(payments).await;
        self.signed().await;
    }

    async fn charge(&mut self, payments: usize) {
        let running = self.running();
        for n in 0..payments {
            self.charged += 1;
            let code = self.phone.code(&self.world, "20.00");
            let charge = Charge::new(&format!("order-{}", self.charged), &code, "1.00");
            let (till, _) = running[n % running.len()];
            let _ = self.tills[till].charge(&charge).await.created();
        }
    }

    /// Waits until everything is signed, while asking the servers for what they show.
    async fn signed(&mut self) {
        let running = self.running();
        self.world.placed().await;
        let mut database = self.world.database().await;
        let end = "select max(position) from journal";
        let end: i64 = sqlx::query_scalar(end).fetch_one(&mut database).await.unwrap();
        let end = u64::try_from(end).unwrap();
        let signed = async {
            let mut reached = 0;
            while reached < end {
                for (_, base) in &running {
                    let answer = get(&self.world, &format!("{base}/v1/journal/checkpoint")).await;
                    // Until something is signed, there is none.
                    if answer.status == 200 {
                        let newest = self.verified(&answer.text);
                        reached = reached.max(newest.size);
                        self.shown.push(newest);
                    }
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, signed).await.expect("no checkpoint comes");
    }

    fn verified(&self, note: &str) -> Checkpoint {
        let (id, keys) = &self.issuer;
        *SignedCheckpoint::parse(note).unwrap().verify(id, keys).unwrap().checkpoint()
    }

    /// Who signs, by its own name for itself.
    async fn signer(&self) -> Vec<u8> {
        let mut database = self.world.database().await;
        let holder = format!("select holder from leases where name = '{LEASE}'");
        let holder = sqlx::query(sqlx::AssertSqlSafe(holder)).fetch_optional(&mut database).await;
        holder.unwrap().map_or_else(Vec::new, |row| row.get(0))
    }

    /// Does something to the lease, and waits until it is somebody else's.
    async fn taken_over(&self, change: &str) {
        let before = self.signer().await;
        assert!(!before.is_empty());
        let mut database = self.world.database().await;
        let change = format!("update leases set {change} where name = '{LEASE}'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(change)).execute(&mut database).await.unwrap();
        let wait = async {
            while self.signer().await == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("nobody takes over");
    }

    /// Every checkpoint that was kept or shown is of one journal that only grew. Says how many
    /// there are.
    async fn check(&self) -> usize {
        let (_, base) = self.running().remove(0);
        let mut database = self.world.database().await;
        let kept = "select note from journal_checkpoints order by size";
        let kept: Vec<String> = sqlx::query_scalar(kept).fetch_all(&mut database).await.unwrap();
        let kept: Vec<_> = kept.iter().map(|note| self.verified(note)).collect();
        for (older, newer) in kept.iter().zip(kept.iter().skip(1)) {
            assert!(older.size < newer.size);
            let path = consistency(&self.world, &base, older.size, newer.size).await;
            verify_consistency(older, newer, &path).unwrap();
        }
        let unknown = self.shown.iter().find(|shown| !kept.contains(shown));
        assert_eq!(unknown, None, "it was shown and is not kept");
        assert!(self.shown.is_sorted_by_key(|shown| shown.size), "{:?}", self.shown);
        kept.len()
    }

    /// Stops everything and audits the books.
    async fn end(mut self) {
        self.world.stop().await;
        if let Some(other) = self.other.take() {
            other.shutdown().await;
        }
        assert_audited(&self.world).await;
    }
}

async fn get(world: &World, url: &str) -> Answer {
    Answer::read(world.http().get(url).send().await.unwrap()).await
}

async fn consistency(world: &World, base: &str, from: u64, to: u64) -> Vec<TreeHash> {
    let url = format!("{base}/v1/journal/consistency?from={from}&to={to}");
    let answer = get(world, &url).await;
    let hashes = answer.json["hashes"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    let hash = |digits: &serde_json::Value| {
        let bytes = base16ct::lower::decode_vec(digits.as_str().unwrap()).unwrap();
        bytes.try_into().unwrap()
    };
    hashes.iter().map(hash).collect()
}

#[tokio::test]
async fn whichever_of_two_servers_stops_the_other_signs_the_same_journal_on() {
    for (first_stops, seed) in [(true, 901), (false, 902)] {
        let mut signing = Signing::start(seed).await;
        for _ in 0..3 {
            signing.pay(6).await;
        }
        let before = signing.check().await;
        if first_stops {
            signing.world.stop().await;
        } else if let Some(other) = signing.other.take() {
            other.shutdown().await;
        }
        for _ in 0..2 {
            signing.pay(4).await;
        }
        assert!(signing.check().await >= before + 2);
        signing.end().await;
    }
}

#[tokio::test]
async fn two_servers_that_both_believe_to_sign_sign_one_journal() {
    let mut signing = Signing::start(903).await;
    signing.pay(6).await;
    // For three seconds, which do not pass, the first holder believes that it holds it still.
    signing.taken_over("expires_at = 0").await;
    for _ in 0..4 {
        signing.pay(6).await;
    }
    signing.check().await;
    // Now it finds out.
    let holder = signing.signer().await;
    signing.world.advance_seconds(RENEWED_SECONDS);
    signing.pay(6).await;
    assert_eq!(signing.signer().await, holder);
    signing.check().await;
    signing.end().await;
}

#[tokio::test]
async fn a_signer_that_died_is_followed_by_another_once_its_lease_is_over() {
    let mut signing = Signing::start(904).await;
    signing.pay(6).await;
    // Somebody who never comes back has it from now on, and both servers learn that they don't.
    let until = signing.world.now().unix_millis() + LASTS_SECONDS * 1000;
    let dead = format!("holder = decode(repeat('ab', 16), 'hex'), expires_at = {until}");
    signing.taken_over(&dead).await;
    signing.world.advance_seconds(RENEWED_SECONDS);
    signing.charge(6).await;
    signing.world.advance_seconds(LASTS_SECONDS);
    signing.signed().await;
    assert_ne!(signing.signer().await, vec![0xab; 16]);
    signing.check().await;
    signing.end().await;
}
