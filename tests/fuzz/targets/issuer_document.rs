//! Feeds a fuzzer's bytes to `issuer_document`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::issuer_document::check(bytes));
