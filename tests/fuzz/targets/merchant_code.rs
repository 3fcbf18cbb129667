//! Feeds a fuzzer's bytes to `merchant_code`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::merchant_code::check(bytes));
