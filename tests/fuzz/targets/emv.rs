//! Feeds a fuzzer's bytes to `emv`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::emv::check(bytes));
