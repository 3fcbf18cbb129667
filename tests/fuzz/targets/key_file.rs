//! Feeds a fuzzer's bytes to `key_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wallet_test_parsers::key_file::check(bytes));
