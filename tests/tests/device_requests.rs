//! What a payer's device may ask, and how it must sign.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::json;
use wallet_core::DeviceKey;
use wallet_tests::{Answer, Phone, World};

const BALANCE: &str = "/v1/wallet/balance";

#[tokio::test]
async fn a_request_without_a_signature_is_refused_before_its_body_is_read() {
    let world = World::start(1).await;
    let request = reqwest::Client::new().post(world.url("/v1/wallet/enrolments")).body("not json");
    let refused = Answer::read(request.send().await.unwrap()).await;
    assert_eq!((refused.status.as_u16(), refused.text("/code")), (401, "signature_missing"));
}

#[tokio::test]
async fn a_device_signs_with_its_own_key_and_now() {
    let world = World::start(2).await;
    let wei = world.payer("Wei", "5.00").await;
    assert_eq!(wei.balance(&world).await, "5.00");
    let early = wei.get_signed_at(BALANCE, world.now().plus_millis(-3_600_000)).await;
    assert_eq!((early.status.as_u16(), early.text("/code")), (401, "signature_expired"));
    assert!(!early.text("/server_time").is_empty(), "{}", early.text);
}

#[tokio::test]
async fn a_device_is_enrolled_only_with_the_key_that_signs() {
    let world = World::start(3).await;
    let payer = world.payer("Wei", "0").await.payer;
    let path = format!("/v1/operator/payers/{payer}/invitations");
    let invitation = world.operator_post(&path, json!({})).await.created();
    let key = |seed| DeviceKey::generate(&mut ChaCha20Rng::seed_from_u64(seed));
    let (key, other) = (key(1), key(2));
    let public_key = base16ct::lower::encode_string(key.public_key().as_bytes());
    let body = json!({ "invitation": invitation.text("/invitation"), "public_key": public_key,
        "device_name": "phone" });
    let refused = Phone::try_enrol_with(&world, &other, &public_key, body.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.text("/code")), (401, "signature_invalid"));
    let _ = Phone::try_enrol_with(&world, &key, &public_key, body).await.created();
}

#[tokio::test]
async fn what_a_device_signed_for_another_server_is_refused() {
    let world = World::start_with(4, &[("public_authorities", "pay.example.com")]).await;
    let request = reqwest::Client::new().get(world.url(BALANCE));
    let refused = Answer::read(request.send().await.unwrap()).await;
    assert_eq!((refused.status.as_u16(), refused.text("/code")), (421, "misdirected_request"));
    let named = reqwest::Client::new().get(world.url(BALANCE)).header("host", "Pay.Example.com");
    let unsigned = Answer::read(named.send().await.unwrap()).await;
    assert_eq!(unsigned.text("/code"), "signature_missing");
    // What merchants and the curious ask is not signed, and answered under any name.
    let issuer = reqwest::get(world.url("/v1/issuer")).await.unwrap();
    assert_eq!(issuer.status().as_u16(), 200);
}
