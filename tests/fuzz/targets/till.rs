//! Feeds a fuzzer's bytes to `till`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::till::check(bytes));
