//! The main job: a code is shown, scanned, charged and settled.

use crate::DATABASE;
use serde_json::json;
use wallet_core::receipt::{PaymentState, Receipt, Record};
use wallet_core::{IssuerId, SigningPublicKey};
use wallet_tests::{Charge, PIN, World};

#[tokio::test]
async fn a_shown_code_is_charged_and_settled_in_balanced_books() {
    let world = World::start(DATABASE, 1).await;
    let fee = json!({ "basis_points": 60, "fixed": "0.00" });
    let till = world.merchant_with(json!({ "name": "Tea House", "fee": fee })).await;
    let mut phone = world.payer("Wei", "500.00").await;

    let code = phone.code(&world, "200.00");
    let payment = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    assert_eq!(payment.text("/state"), "succeeded");
    assert_eq!((payment.text("/fee"), payment.text("/net")), ("0.08", "12.42"));

    assert_eq!(phone.balance(&world).await, "487.50");
    assert_eq!(till.balance().await, "12.42");
    let path = format!("/v1/operator/entries?subject={}", payment.text("/id"));
    let entries = world.operator_get(&path).await;
    let rows: Vec<_> = entries.json["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("account"), text("debit"), text("credit"))
        })
        .collect();
    assert_eq!(
        rows,
        [("payer", "12.50", "0.00"), ("merchant", "0.00", "12.42"), ("fees", "0.00", "0.08")]
    );
    let books = World::balanced(&world.operator_get("/v1/operator/trial_balance").await);
    let row = |name: &str, debit: &str, credit: &str| (name.into(), debit.into(), credit.into());
    assert_eq!(
        books,
        [
            row("bank", "500.00", "0.00"),
            row("fees", "0.00", "0.08"),
            row("merchants", "0.00", "12.42"),
            row("payers", "0.00", "487.50"),
            row("suspense", "0.00", "0.00"),
        ]
    );
}

#[tokio::test]
async fn the_fee_of_a_payment_that_waited_is_taken_and_shown_once_it_is_confirmed() {
    let limits = [("limits.new_payers.without_pin", "10.00")];
    let world = World::start_with(DATABASE, 21, &limits).await;
    let fee = json!({ "basis_points": 60, "fixed": "0.00" });
    let till = world.merchant_with(json!({ "name": "Tea House", "fee": fee })).await;
    let mut phone = world.payer("Wei", "500.00").await;
    phone.set_pin(&world).await;
    let code = phone.code(&world, "200.00");
    let payment = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    assert_eq!((payment.text("/state"), payment.text("/fee")), ("requires_confirmation", "0.00"));
    // In the same millisecond: the clock of this world stands still.
    let path = format!("/v1/wallet/confirmations/{}/confirm", payment.text("/id"));
    let confirmed = phone.post_under_key(&world, &path, "confirm", &json!({ "pin": PIN })).await;
    assert_eq!(confirmed.outcome(), "succeeded", "{}", confirmed.text);
    let now = till.get(&format!("/v1/payments/{}", payment.text("/id"))).await;
    assert_eq!((now.text("/fee"), now.text("/net")), ("0.08", "12.42"));
    assert_eq!(till.balance().await, "12.42");
}

#[tokio::test]
async fn the_receipt_verifies_offline_and_names_no_payer() {
    let world = World::start(DATABASE, 2).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let code = phone.code(&world, "200.00");
    let payment = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();

    let issuer = till.get("/v1/issuer").await;
    let id = IssuerId::from_hex(issuer.text("/issuer_id")).unwrap();
    let key = base16ct::lower::decode_vec(issuer.text("/signing_keys/0/public_key")).unwrap();
    let key = SigningPublicKey::from_bytes(&key.try_into().unwrap()).unwrap();
    let receipt = Receipt::parse(payment.text("/receipt")).unwrap().verify(&id, &[key]).unwrap();
    let record = receipt.record();
    assert_eq!(record.state, PaymentState::Succeeded);
    assert_eq!(record.settled.to_string(), "12.50 CNY");
    assert_eq!(record.reference_hash, Record::reference_hash("order-1"));
    for secret in [phone.payer.as_str(), &phone.device.key_id().to_string(), "Wei"] {
        assert!(!payment.text.contains(secret), "{secret} in {}", payment.text);
    }
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_to_the_byte_and_moves_nothing() {
    let world = World::start(DATABASE, 3).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let code = phone.code(&world, "200.00");
    let charge =
        Charge::new("order-1", &code, "12.50").with("metadata", json!({ "b": "2", "a": "1" }));
    let first = till.charge(&charge).await.created();
    assert!(!first.replayed);
    // Long after the code has expired, and after a signing key was rotated.
    let rotate = json!({ "kind": "signing" });
    assert!(world.operator_post("/v1/operator/keys/rotate", rotate).await.status.is_success());
    world.advance_seconds(3600);
    for charge in [charge.clone(), charge.clone().key("another-key")] {
        let again = till.charge(&charge).await;
        assert!(again.replayed);
        assert_eq!((again.status, again.text), (first.status, first.text.clone()));
    }
    assert_eq!(phone.balance(&world).await, "487.50");
}

#[tokio::test]
async fn repeats_of_a_declined_payment_and_of_a_rejected_code_are_the_same_to_the_byte() {
    let world = World::start(DATABASE, 30).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "5.00").await;
    let poor = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let used = Charge::new("order-2", poor.body["code"].as_str().unwrap(), "1.00");
    let declined = till.charge(&poor).await;
    assert_eq!(declined.text("/code"), "insufficient_funds");
    let rejected = till.charge(&used).await;
    assert_eq!(rejected.text("/code"), "code_used");
    world.advance_seconds(3600);
    for (charge, first) in [(poor, declined), (used, rejected)] {
        let again = till.charge(&charge).await;
        assert!(again.replayed);
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_ne!(again.request_id, first.request_id);
    }
}

#[tokio::test]
async fn a_key_with_another_body_and_a_reference_with_another_payment_are_refused() {
    let world = World::start(DATABASE, 4).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let code = phone.code(&world, "200.00");
    let charge = Charge::new("order-1", &code, "12.50");
    let first = till.charge(&charge).await.created();

    let answer = till.charge(&charge.clone().with("amount", "12.51")).await;
    answer.assert_problem(422, "idempotency_key_reused", "retry");
    let answer = till.charge(&charge.clone().with("amount", "12.51").key("other")).await;
    answer.assert_problem(409, "reference_conflict", "retry");
    // A cashier who scans again because the answer was lost learns that it had worked.
    let next = phone.code(&world, "200.00");
    let answer = till.charge(&charge.with("code", next.as_str()).key("another")).await;
    answer.assert_problem(409, "reference_conflict", "retry");
    assert_eq!(answer.text("/payment/state"), "succeeded");
    assert_eq!(answer.text("/payment/id"), first.text("/id"));

    // The code that met the conflict is still good.
    let _ = till.charge(&Charge::new("order-2", &next, "1.00")).await.created();
    assert_eq!(phone.balance(&world).await, "486.50");
}

#[tokio::test]
async fn ten_charges_at_once_of_one_code_make_one_payment() {
    let world = World::start(DATABASE, 5).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let code = phone.code(&world, "200.00");
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..10 {
        let (till, charge) =
            (till.clone(), Charge::new(&format!("order-{number}"), &code, "12.50"));
        tasks.spawn(async move { till.charge(&charge).await.outcome().to_owned() });
    }
    let mut outcomes = tasks.join_all().await;
    outcomes.sort();
    let mut expected = vec!["code_used"; 9];
    expected.push("succeeded");
    assert_eq!(outcomes, expected);
    assert_eq!(phone.balance(&world).await, "487.50");
}

#[tokio::test]
async fn ten_repeats_at_once_of_one_request_get_one_answer() {
    let world = World::start(DATABASE, 6).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (till, charge) = (till.clone(), charge.clone());
        tasks.spawn(async move { till.charge(&charge).await });
    }
    let answers = tasks.join_all().await;
    assert!(answers.iter().all(|answer| answer.text == answers[0].text));
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert_eq!(phone.balance(&world).await, "487.50");
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_restart() {
    let mut world = World::start(DATABASE, 7).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let first = till.charge(&charge).await.created();
    world.restart().await;
    let till = till.at(&world);
    let again = till.charge(&charge).await;
    assert!(again.replayed);
    assert_eq!(again.text, first.text);
    let path = format!("/v1/payments/{}", first.text("/id"));
    assert_eq!(till.get(&path).await.json, first.json);
    assert_eq!(till.balance().await, "12.50");
}

#[tokio::test]
async fn requests_whose_hashes_were_kept_in_full_by_an_earlier_release_are_known_again() {
    let world = World::start(DATABASE, 22).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let payment = till.charge(&charge).await.created();

    // Today half of a hash is kept. The other half may be any: it is not looked at.
    let mut database = world.database().await;
    let kept = "select request_hash from idempotency_keys where answer = 'payment'";
    let kept: Vec<u8> = sqlx::query_scalar(kept).fetch_one(&mut database).await.unwrap();
    let held = "select fingerprint from payment_references where reference = 'order-1'";
    let held: Vec<u8> = sqlx::query_scalar(held).fetch_one(&mut database).await.unwrap();
    assert_eq!((kept.len(), held.len()), (16, 16));
    let in_full = |half: Vec<u8>| [half, vec![7; 16]].concat();
    let keep = "update idempotency_keys set request_hash = $1 where answer = 'payment'";
    sqlx::query(keep).bind(in_full(kept)).execute(&mut database).await.unwrap();
    let hold = "insert into payment_references (merchant, mode, reference, fingerprint, payment, created_at) \
                select merchant, mode, 'order-0', $1, payment, created_at from payment_references";
    sqlx::query(hold).bind(in_full(held)).execute(&mut database).await.unwrap();

    let again = till.charge(&charge).await;
    assert_eq!((again.replayed, &again.text), (true, &payment.text));
    let other = charge.clone().with("amount", "12.51");
    till.charge(&other).await.assert_problem(422, "idempotency_key_reused", "retry");
    let referred = charge.clone().key("another").with("reference", "order-0");
    assert_eq!(till.charge(&referred).await.text("/id"), payment.text("/id"));
    let conflict = referred.key("one-more").with("amount", "12.51");
    till.charge(&conflict).await.assert_problem(409, "reference_conflict", "retry");
}
