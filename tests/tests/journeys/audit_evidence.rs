//! An auditor with the evidence key, and without the issuer's secrets.

use sqlx::AssertSqlSafe;
use wallet_core::code::{CodeLimit, CodePrefix, CodeTerms, IssuerProfile, PayerDevice, SealedCode};
use wallet_core::keyfile::Cost;
use wallet_core::{DeviceKey, Mode, Money};
use wallet_server::domain::ids::PaymentId;
use wallet_server::entropy::Entropy;
use wallet_server::issuer::{EvidenceKey, IssuerKeys, Purpose};
use wallet_server::service::audit::{Audit, AuditReport};
use wallet_server::store::Store;
use wallet_tests::{Charge, World};

use super::audit::wrong;
use super::evidence::key_file;
use crate::DATABASE;

/// The evidence key as it comes out of its file.
fn evidence_key(world: &World) -> EvidenceKey {
    let path = world.folder.path().join("evidence.key");
    let key = key_file(world).evidence_key();
    key.write_new(&path, None, Cost::DEFAULT, &Entropy::system()).unwrap();
    EvidenceKey::read(&path, None).unwrap()
}

async fn audit(world: &World, evidence: Option<EvidenceKey>) -> AuditReport {
    let store = Store::open_to_read(&world.database_url()).await.unwrap();
    let keys = key_file(world);
    let audit = Audit {
        store: &store,
        issuer: keys.issuer_id(),
        // As the issuer's document has them.
        signing: Some(keys.public().signing.clone()),
        evidence,
        rules: None,
        since: None,
        anew: false,
        witness: None,
    };
    let report = audit.run(|_| {}).await.unwrap();
    store.close().await;
    report
}

/// The kept evidence of a code for this payment that somebody made who is not the payer.
fn invented(world: &World, phone: &wallet_tests::Phone, payment: PaymentId) -> Vec<u8> {
    let keys = key_file(world);
    let document = keys.document(CodePrefix::DEFAULT, world.now());
    let sealing = document.current_sealing_key().unwrap();
    let issuer = IssuerProfile {
        id: keys.issuer_id(),
        mode: Mode::Live,
        prefix: CodePrefix::DEFAULT,
        slot: sealing.slot,
        sealing_key: sealing.key,
        sealing_key_retires_at: sealing.retires_at,
    };
    let currency = wallet_core::Currency::from_code("CNY").unwrap();
    let limit = CodeLimit::new(Money::from_minor(20_000, currency)).unwrap();
    let forger = PayerDevice::new(DeviceKey::from_seed(&[66; 32]), phone.device.key_id(), issuer);
    let entropy = Entropy::system();
    let terms = CodeTerms::up_to(limit);
    let code = forger.make_code(world.now(), 0, &terms, &mut entropy.shared());
    let sealed = SealedCode::parse(code.unwrap().digits(), CodePrefix::DEFAULT).unwrap();
    let opened = keys.open(&sealed, Mode::Live, world.now()).unwrap();
    keys.hide(Purpose::Evidence, payment.as_bytes(), &opened.to_evidence())
}

#[tokio::test]
async fn an_auditor_with_the_evidence_key_finds_an_invented_payment() {
    let mut world = World::start_with(DATABASE, 480, &[("journal.checkpoint_seconds", "1")]).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let code = phone.code(&world, "200.00");
    let paid = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    let payment = PaymentId::parse(paid.text("/id")).unwrap();
    world.placed().await;
    world.stop().await;
    let key = evidence_key(&world);
    let report = audit(&world, Some(key.clone())).await;
    assert_eq!(report.first, None);
    assert!(report.signatures.payments && report.signatures.checkpoints);

    // With the issuer's keys an operator makes evidence that opens, but no payer's signature.
    let evidence = base16ct::lower::encode_string(&invented(&world, &phone, payment));
    let bytes = DATABASE.choose("unhex('", "decode('").to_owned()
        + &evidence
        + DATABASE.choose("')", "', 'hex')");
    let mut database = world.database().await;
    sqlx::raw_sql(AssertSqlSafe(format!("update payments set evidence = {bytes}")))
        .execute(&mut database)
        .await
        .unwrap();
    drop(database);
    let report = audit(&world, Some(key)).await;
    assert!(wrong(&report).contains(&"payer_signatures"), "{:?}", wrong(&report));
    let finding =
        report.findings.iter().find(|finding| finding.check == "payer_signatures").unwrap();
    let example = finding.example.as_deref().unwrap();
    assert!(example.contains("the payer's device did not sign the code"), "{example}");
    // Who has no key does not see that.
    assert!(!wrong(&audit(&world, None).await).contains(&"payer_signatures"));
}

#[tokio::test]
async fn the_evidence_key_reads_no_name_and_no_handle() {
    let world = World::start(DATABASE, 481).await;
    let phone = world.payer("Wei", "5.00").await;
    let handle = serde_json::json!({ "handle": "wei" });
    assert_eq!(phone.send(&world, "PUT", "/v1/wallet/handle", handle).await.status, 200);
    let row: (Vec<u8>, Vec<u8>, Vec<u8>) = sqlx::query_as("select id, name, handle from payers")
        .fetch_one(&mut world.database().await)
        .await
        .unwrap();
    let (keys, key) = (key_file(&world), evidence_key(&world));
    for hidden in [&row.1, &row.2] {
        assert!(keys.reveal(Purpose::Names, &row.0, hidden).is_some());
        assert_eq!(key.open(&row.0, hidden), None);
    }
}
