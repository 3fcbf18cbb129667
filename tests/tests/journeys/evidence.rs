//! What the issuer keeps with a payment proves that the payer's device signed for it.

use std::sync::Arc;

use crate::DATABASE;
use wallet_core::code::{EVIDENCE_LENGTH, OpenedCode};
use wallet_core::keyfile::Cost;
use wallet_core::{Mode, TerminalId};
use wallet_server::domain::ids::PaymentId;
use wallet_server::entropy::Entropy;
use wallet_server::issuer::{FileKeys, IssuerKeys, Purpose};
use wallet_tests::{Charge, World};

/// The issuer's keys, as an auditor opens them.
pub(crate) fn key_file(world: &World) -> FileKeys {
    let path = world.folder.path().join("issuer.key");
    let entropy = Arc::new(Entropy::system());
    FileKeys::open_or_create(&path, None, Cost::DEFAULT, world.now(), entropy).unwrap()
}

#[tokio::test]
async fn the_kept_evidence_is_the_code_that_the_device_signed_for_this_payment() {
    let world = World::start(DATABASE, 1).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let terminal = till.terminal("till 1").await;
    let bound = phone.bound_code(&world, "200.00", &terminal);
    let charge = Charge::new("order-1", &bound, "12.50").with("terminal", terminal.as_str());
    let payment = till.charge(&charge).await.created();

    let row: (Vec<u8>, Vec<u8>) = sqlx::query_as("select id, evidence from payments")
        .fetch_one(&mut world.database().await)
        .await
        .unwrap();
    let id = PaymentId::from_bytes(row.0.try_into().unwrap());
    assert_eq!(id.to_string(), payment.text("/id"));

    let keys = key_file(&world);
    let evidence = keys.reveal(Purpose::Evidence, id.as_bytes(), &row.1).unwrap();
    let evidence: [u8; EVIDENCE_LENGTH] = evidence.try_into().unwrap();
    let opened = OpenedCode::from_evidence(&evidence).unwrap();
    let (key, issuer) = (phone.device.key().public_key(), keys.issuer_id());
    let terminal = TerminalId::from_hex(&terminal).unwrap();
    let code = opened.verify(&key, &issuer, Mode::Live, Some(&terminal)).unwrap();
    assert_eq!(code.claims().limit.money().to_string(), "200.00 CNY");
    assert_eq!(code.claims().device, phone.device.key_id());

    // It cannot be passed off as the evidence of another payment.
    let other = PaymentId::from_bytes([7; 16]);
    assert_eq!(keys.reveal(Purpose::Evidence, other.as_bytes(), &row.1), None);
}
