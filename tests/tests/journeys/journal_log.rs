//! The journal as a log that anybody can check: checkpoints, proofs for receipts, proofs of growth.

use std::time::Duration;

use wallet_core::issuer::IssuerDocument;
use wallet_core::proof::{Checkpoint, SignedCheckpoint, TreeHash, verify_consistency};
use wallet_core::receipt::Receipt;
use wallet_core::{IssuerId, SigningPublicKey};
use wallet_tests::{Answer, Charge, World};

use crate::DATABASE;

/// How long a checkpoint may take: far more than the worker needs.
const SIGNED_DEADLINE: Duration = Duration::from_mins(1);

/// A server that signs as often as it can.
async fn world(seed: u64) -> World {
    World::start_with(DATABASE, seed, &[("journal.checkpoint_seconds", "1")]).await
}

async fn get(world: &World, path: &str) -> Answer {
    Answer::read(world.http().get(world.url(path)).send().await.unwrap()).await
}

/// Whose books these are, as its document says.
async fn issuer(world: &World) -> (IssuerId, Vec<SigningPublicKey>) {
    let answer = get(world, "/v1/issuer").await;
    let document = IssuerDocument::parse(answer.text("/document")).unwrap();
    let id = document.claimed_issuer_id();
    assert_eq!(id.to_string(), answer.text("/issuer_id"));
    (id, document.verify(&id).unwrap().signing_keys())
}

/// Waits until everything so far is signed, and returns the newest checkpoint.
async fn signed(world: &World) -> Checkpoint {
    world.placed().await;
    let mut database = world.database().await;
    let behind = "select count(*) from journal where position > \
                  (select coalesce(max(size), 0) from journal_checkpoints)";
    let wait = async {
        while sqlx::query_scalar::<_, i64>(behind).fetch_one(&mut database).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SIGNED_DEADLINE, wait).await.expect("no checkpoint comes");
    let (id, keys) = issuer(world).await;
    let answer = get(world, "/v1/journal/checkpoint").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    *SignedCheckpoint::parse(&answer.text).unwrap().verify(&id, &keys).unwrap().checkpoint()
}

async fn consistency(world: &World, from: u64, to: u64) -> Vec<TreeHash> {
    let path = format!("/v1/journal/consistency?from={from}&to={to}");
    let answer = get(world, &path).await;
    let hashes = answer.json["hashes"].as_array().unwrap();
    let hash = |digits: &serde_json::Value| {
        let bytes = base16ct::lower::decode_vec(digits.as_str().unwrap()).unwrap();
        bytes.try_into().unwrap()
    };
    hashes.iter().map(hash).collect()
}

#[tokio::test]
async fn every_receipt_is_proved_offline_to_stand_in_the_journal() {
    let world = world(301).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let mut receipts = Vec::new();
    let code = phone.code(&world, "200.00");
    let payment = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    receipts.push(payment.text("/receipt").to_owned());
    let refund = till.refund(payment.text("/id"), "refund-1", Some("2.50")).await.created();
    receipts.push(refund.text("/receipt").to_owned());
    let code = phone.code(&world, "200.00");
    let declined = till.charge(&Charge::new("order-2", &code, "999.00")).await;
    if let Some(receipt) = declined.json.pointer("/payment/receipt") {
        receipts.push(receipt.as_str().unwrap().to_owned());
    }
    signed(&world).await;
    let (id, keys) = issuer(&world).await;
    for text in &receipts {
        let answer = get(&world, &format!("/v1/journal/proof?receipt={text}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let proved = Receipt::parse(answer.text("/receipt")).unwrap().verify(&id, &keys).unwrap();
        let plain = Receipt::parse(text).unwrap().verify(&id, &keys).unwrap();
        assert_eq!(proved.record(), plain.record());
        let included = proved.verify_inclusion(&id, &keys).unwrap();
        assert_eq!(Some(included.position), answer.json["position"].as_u64());
        assert_eq!(included.checkpoint.to_string(), answer.text("/checkpoint"));
        // A receipt that has a proof already gets a newer one.
        let again =
            get(&world, &format!("/v1/journal/proof?receipt={}", answer.text("/receipt"))).await;
        assert_eq!(again.json["position"], answer.json["position"]);
    }
    let refused = get(&world, "/v1/journal/proof?receipt=AQEA").await;
    refused.assert_points_at("/receipt");
}

#[tokio::test]
async fn the_journal_only_grows_and_anybody_can_check_that() {
    let world = world(302).await;
    let none = get(&world, "/v1/journal/checkpoint").await;
    none.assert_problem(404, "not_found", "final");
    let phone = world.payer("Wei", "5.00").await;
    let mut known = vec![signed(&world).await];
    for round in 0..3 {
        for number in 0..=round {
            let reference = format!("bank-{round}-{number}");
            let _ = world.top_up(&phone.payer, "1.00", &reference).await.created();
        }
        let newest = signed(&world).await;
        for older in &known {
            assert!(older.size < newest.size);
            let path = consistency(&world, older.size, newest.size).await;
            verify_consistency(older, &newest, &path).unwrap();
            let forged = Checkpoint { root: [7; 32], ..*older };
            verify_consistency(&forged, &newest, &path).unwrap_err();
        }
        known.push(newest);
    }
    let size = known.last().unwrap().size;
    for (from, to) in [(0, size), (2, 1), (1, size + 1)] {
        let path = format!("/v1/journal/consistency?from={from}&to={to}");
        get(&world, &path).await.assert_problem(400, "invalid_request", "retry");
    }
}

#[tokio::test]
async fn a_receipt_that_no_checkpoint_is_about_yet_is_to_be_asked_about_again() {
    let world = World::start_with(DATABASE, 303, &[("journal.checkpoint_seconds", "0")]).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "50.00").await;
    let code = phone.code(&world, "20.00");
    let payment = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    let path = format!("/v1/journal/proof?receipt={}", payment.text("/receipt"));
    get(&world, &path).await.assert_problem(409, "proof_not_ready", "retry");
}

#[tokio::test]
async fn everything_is_signed_when_the_server_has_stopped() {
    let mut world =
        World::start_with(DATABASE, 304, &[("journal.checkpoint_seconds", "3600")]).await;
    let phone = world.payer("Wei", "5.00").await;
    let _ = world.top_up(&phone.payer, "1.00", "bank-1").await.created();
    world.stop().await;
    let mut database = world.database().await;
    let sizes = "select (select max(position) from journal), \
                 (select max(size) from journal_checkpoints)";
    let (end, signed): (i64, i64) = sqlx::query_as(sizes).fetch_one(&mut database).await.unwrap();
    assert!(end > 0);
    assert_eq!(signed, end);
}

#[tokio::test]
async fn the_database_keeps_the_tree_and_its_checkpoints_as_they_are() {
    let mut world = world(305).await;
    let phone = world.payer("Wei", "5.00").await;
    let _ = world.top_up(&phone.payer, "1.00", "bank-1").await.created();
    world.stop().await;
    let mut database = world.database().await;
    let hash = DATABASE.choose("zeroblob(32)", "decode(repeat('00', 32), 'hex')");
    let insert =
        format!("insert into journal_subtrees (level, number, hash) values (1, 0, {hash})");
    sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&mut database).await.unwrap();
    for (statement, rule) in [
        ("update journal_checkpoints set note = 'x'", "journal_checkpoints_kept"),
        ("delete from journal_checkpoints", "journal_checkpoints_kept"),
        ("update journal_subtrees set number = 9", "journal_subtrees_kept"),
        ("delete from journal_subtrees", "journal_subtrees_kept"),
        (
            "insert into journal_checkpoints values ((select max(position) + 1 from journal), 0, '')",
            "journal_checkpoints_rise",
        ),
        ("insert into journal_checkpoints values (1, 0, '')", "journal_checkpoints_rise"),
    ] {
        let error = super::books::refusal(&mut database, statement).await;
        assert!(error.contains(rule), "{statement}: {error}");
    }
}
