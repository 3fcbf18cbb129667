//! Feeds a fuzzer's bytes to `frame`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::frame::check(bytes));
