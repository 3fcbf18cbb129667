//! Feeds a fuzzer's bytes to `picture`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::picture::check(bytes));
