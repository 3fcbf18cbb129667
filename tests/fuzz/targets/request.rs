//! Feeds a fuzzer's bytes to `request`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::request::check(bytes));
