//! Feeds a fuzzer's bytes to `webhook_url`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::webhook_url::check(bytes));
