//! Feeds a fuzzer's bytes to `receipt`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::receipt::check(bytes));
