//! The fuzz targets' checks on stable Rust: with the corpus as it is, with random changes to it,
//! and with bytes that are like nothing.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use wallet_test_parsers::{PARSERS, Parser};

/// How many inputs of each kind a parser gets. Pictures cost a hundred times as much as texts.
fn cases(parser: &Parser) -> u32 {
    match parser.name {
        "picture" | "frame" => 64,
        _ => 2_000,
    }
}

/// One change to an input. Places are taken modulo its length.
#[derive(Clone, Debug)]
enum Change {
    Replace(usize, u8),
    FlipBit(usize, u8),
    Cut(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
    Join(usize),
}

impl Change {
    fn apply(&self, mut bytes: Vec<u8>, others: &[Vec<u8>]) -> Vec<u8> {
        let length = bytes.len();
        let place = |at: usize| at % length.max(1);
        match self {
            Self::Replace(at, byte) if length > 0 => bytes[place(*at)] = *byte,
            Self::FlipBit(at, bit) if length > 0 => bytes[place(*at)] ^= 1 << (bit % 8),
            Self::Cut(at, count) if length > 0 => {
                let from = place(*at);
                bytes.drain(from..length.min(from + 1 + count % 32));
            }
            Self::Insert(at, inserted) => {
                let at = place(*at);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Self::Repeat(at, count) if length > 0 => {
                let from = place(*at);
                let part = bytes[from..length.min(from + 1 + count % 64)].to_vec();
                bytes.splice(from..from, part);
            }
            Self::Join(at) => {
                let other = &others[at % others.len()];
                bytes.truncate(place(*at));
                bytes.extend_from_slice(&other[other.len() / 2..]);
            }
            Self::Replace(..) | Self::FlipBit(..) | Self::Cut(..) | Self::Repeat(..) => {}
        }
        bytes
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = || any::<usize>();
    // What texts are made of is put in more often than other bytes.
    let byte =
        || prop_oneof![any::<u8>(), prop::sample::select(b" 0\n\t-_.:;,\"{}[]?=&/%".to_vec())];
    prop_oneof![
        (at(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (at(), any::<u8>()).prop_map(|(at, bit)| Change::FlipBit(at, bit)),
        (at(), at()).prop_map(|(at, count)| Change::Cut(at, count)),
        (at(), prop::collection::vec(byte(), 1..8)).prop_map(|(at, it)| Change::Insert(at, it)),
        (at(), at()).prop_map(|(at, count)| Change::Repeat(at, count)),
        at().prop_map(Change::Join),
    ]
}

fn corpus(parser: &Parser) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(parser.name)
}

/// What the corpus holds: the seeds, and what a fuzzer found beyond them.
fn kept(parser: &Parser) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(corpus(parser)).unwrap();
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn check(parser: &Parser, bytes: &[u8]) {
    (parser.check)(bytes);
}

fn run<S: Strategy>(parser: &Parser, strategy: &S, bytes: impl Fn(S::Value) -> Vec<u8>) {
    let config = Config {
        cases: cases(parser),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..Config::default()
    };
    let tested = TestRunner::new(config).run(strategy, |value| {
        check(parser, &bytes(value));
        Ok::<(), TestCaseError>(())
    });
    if let Err(error) = tested {
        panic!("{}: {error}", parser.name);
    }
}

#[test]
fn every_parser_has_a_target_and_its_seeds_are_in_the_corpus() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for parser in PARSERS {
        let name = parser.name;
        assert!(manifest.contains(&format!("name = \"{name}\"")), "no target {name}");
        let target = fs::read_to_string(fuzz.join(format!("targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("wallet_test_parsers::{name}::check(")), "{name}");
        let kept = kept(parser);
        for seed in (parser.seeds)() {
            assert!(
                kept.contains(&seed),
                "a seed of {name} is missing: run the example write_seeds"
            );
        }
    }
}

#[test]
fn everything_in_the_corpus_passes() {
    for parser in PARSERS {
        for input in kept(parser) {
            check(parser, &input);
        }
    }
}

#[test]
fn random_changes_to_good_inputs_are_read_or_refused() {
    for parser in PARSERS {
        let inputs = kept(parser);
        let changed = (any::<prop::sample::Index>(), prop::collection::vec(change(), 1..6));
        run(parser, &changed, |(index, changes)| {
            let input = index.get(&inputs).clone();
            changes.iter().fold(input, |bytes, change| change.apply(bytes, &inputs))
        });
    }
}

#[test]
fn random_bytes_and_texts_are_read_or_refused() {
    for parser in PARSERS {
        run(parser, &prop::collection::vec(any::<u8>(), 0..512), |bytes| bytes);
        run(parser, &"\\PC{0,200}", String::into_bytes);
    }
}
