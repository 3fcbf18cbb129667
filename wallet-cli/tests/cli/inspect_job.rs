//! Codes of every kind are explained, without a server and without a wallet.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::shop::{printed, wallet};

fn vectors(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The texts of a section.
fn texts(file: &str, section: &str) -> Vec<String> {
    let rows = vectors(file)[section].as_array().unwrap().clone();
    rows.iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect()
}

fn inspect(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let all = [&["code", "inspect", "--wallet", "none", "--json"], arguments].concat();
    wallet(folder.path(), &all).output().unwrap()
}

#[track_caller]
fn explained(arguments: &[&str]) -> Value {
    let output = inspect(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
    printed(&output)
}

#[track_caller]
fn refused(arguments: &[&str], code: &str) {
    let output = inspect(arguments);
    assert_eq!(printed(&output)["error"]["code"], code, "{arguments:?}");
    assert_eq!(output.status.code(), Some(3), "{arguments:?}");
}

#[test]
fn payloads_that_others_published_are_explained_or_refused_as_they_should_be() {
    let schemes: Vec<_> = texts("emv-mpm.json", "valid")
        .iter()
        .map(|text| explained(&[text])["schemes"][0]["name"].clone())
        .collect();
    let known = ["EMVCo's own example", "", "Pix", "PromptPay credit transfer"];
    let known = known.map(|name| if name.is_empty() { Value::Null } else { name.into() });
    assert_eq!(schemes, known);
    for text in texts("emv-mpm.json", "lenient") {
        refused(&[&text], "emv_empty_value");
        let seen = explained(&["--lenient", &text]);
        assert_eq!(seen["schemes"][0]["name"], "PayNow");
        let paths: Vec<_> =
            seen["findings"].as_array().unwrap().iter().map(|f| f["path"].clone()).collect();
        assert!(paths.contains(&"59".into()) && paths.contains(&"62.01".into()), "{paths:?}");
    }
    for text in texts("emv-mpm.json", "invalid") {
        refused(&[&text], "emv_wrong_checksum");
        refused(&["--lenient", &text], "emv_wrong_checksum");
    }
}

#[test]
fn our_own_code_is_told_field_by_field_and_not_called_signed_without_a_wallet() {
    let text = &texts("merchant-code.json", "positive")[0];
    let seen = explained(&[text]);
    assert_eq!(seen["ours"]["signature"], "not_checked");
    assert_eq!(seen["ours"]["merchant_name"], "张记面馆");
    assert_eq!(seen["ours"]["amount"], "12.50");
    let fields = seen["fields"].as_array().unwrap();
    let field = |path: &str| fields.iter().find(|field| field["path"] == path).unwrap();
    assert_eq!(field("54")["value"], "12.50");
    assert_eq!(field("53")["meaning"], "CNY");
    assert_eq!(field("26.04")["name"], "merchant");
}

#[test]
fn a_code_is_read_from_a_picture_and_from_standard_input_too() {
    let folder = tempfile::tempdir().unwrap();
    let text = &texts("merchant-code.json", "positive")[0];
    let qr = wallet_core::qr::Qr::new(text, wallet_core::qr::Medium::Print).unwrap();
    std::fs::write(folder.path().join("plate.png"), qr.to_png(4).unwrap()).unwrap();
    let all = ["code", "inspect", "--json", "--wallet", "none", "--photo", "plate.png"];
    let output = wallet(folder.path(), &all).output().unwrap();
    assert_eq!(printed(&output)["ours"]["kind"], "order");

    std::fs::write(folder.path().join("line"), format!("{text}\n")).unwrap();
    let line = std::fs::File::open(folder.path().join("line")).unwrap();
    let all = ["code", "inspect", "--json", "--wallet", "none", "-"];
    let output = wallet(folder.path(), &all).stdin(line).output().unwrap();
    assert_eq!(printed(&output)["ours"]["kind"], "order");
}

#[test]
fn a_text_that_is_no_code_at_all_is_refused_with_a_name() {
    refused(&["https://example.com"], "emv_invalid_id");
    refused(&["70123"], "code_wrong_length");
    refused(&[""], "code_unknown_prefix");
}
