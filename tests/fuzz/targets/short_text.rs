//! Feeds a fuzzer's bytes to `short_text`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::short_text::check(bytes));
