//! Feeds a fuzzer's bytes to `payment_code`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::payment_code::check(bytes));
