//! The corpus of each fuzz target, and mutations of it that are the same in every run.

#[path = "../fuzz/targets.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use targets::ALL;

const FOLDER: &str = "tests/fuzz";

/// Mutations of one input: of a short one many, of a long one fewer.
const MOST: usize = 2000;
const LEAST: usize = 20;
const BYTES: usize = 40_000;

/// What parsers stumble over.
const ODD: &[&[u8]] = &[
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"=",
    b"&",
    b"@",
    b".",
    b"\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"-1",
    b"0",
    b"1e300",
    b"9223372036854775808",
    b"\\u0000",
    b"\\ud800",
    b"\\u202e",
    b"%00",
    b"%",
    b"none",
    b"http:",
    "\u{202e}".as_bytes(),
    "\u{212a}".as_bytes(),
];

/// The same numbers whenever it begins at the same place.
struct Dice(u64);

impl Dice {
    fn of(name: &str) -> Self {
        let fold = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    /// Less than `end`, or nothing.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).expect("a number");
        usize::try_from(self.roll() % end).expect("a number")
    }

    /// A range of at most 32 places.
    fn range(&mut self, end: usize) -> std::ops::Range<usize> {
        let start = self.below(end);
        start..(start + 1 + self.below(32)).min(end)
    }
}

/// `input` with one to four changes; `other` is there to be cut from.
fn mutated(input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(4) {
        let place = dice.below(bytes.len());
        let odd = ODD[dice.below(ODD.len())];
        match dice.below(8) {
            0 | 1 => {
                let bit = dice.below(8);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << bit;
                }
            }
            2 => bytes.truncate(place),
            3 => {
                bytes.splice(place..place, odd.iter().copied());
            }
            4 => {
                let range = dice.range(bytes.len());
                bytes.splice(range, odd.iter().copied());
            }
            5 => {
                let range = dice.range(bytes.len());
                bytes.drain(range);
            }
            6 => {
                let copy = bytes[dice.range(bytes.len())].to_vec();
                bytes.splice(place..place, copy);
            }
            _ => {
                bytes.truncate(place);
                bytes.extend_from_slice(&other[dice.below(other.len())..]);
            }
        }
    }
    bytes
}

fn rounds(target: &str, length: usize) -> usize {
    match target {
        // Each is a file of its own, or is tried on many signatures.
        "providers" | "keys" => LEAST,
        _ => (BYTES / length.max(1)).clamp(LEAST, MOST),
    }
}

fn names(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(FOLDER).join(folder)).expect("a folder");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

/// The inputs that the target does not bear, each with what it is.
fn replay(name: &str, target: fn(&[u8])) -> Vec<String> {
    let inputs: Vec<(String, Vec<u8>)> = names(&format!("corpus/{name}"))
        .into_iter()
        .map(|path| {
            let bytes = fs::read(&path).expect("an input");
            (path.display().to_string(), bytes)
        })
        .collect();
    assert!(inputs.len() >= 10, "corpus/{name} has too little in it");
    let mut failures = Vec::new();
    for (path, input) in &inputs {
        let mut dice = Dice::of(path);
        let mutations = (0..rounds(name, input.len())).map(|_| {
            let (_, other) = &inputs[dice.below(inputs.len())];
            mutated(input, other, &mut dice)
        });
        let failed = std::iter::once(input.clone())
            .chain(mutations)
            .enumerate()
            .find(|(_, bytes)| catch_unwind(|| target(bytes)).is_err());
        if let Some((round, bytes)) = failed {
            failures.push(format!(
                "{path}, mutation {round}: b\"{}\"",
                bytes.escape_ascii()
            ));
        }
    }
    failures
}

#[test]
fn each_parser_withstands_its_corpus_and_mutations_of_it() {
    let failures: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = ALL
            .iter()
            .map(|(name, target)| scope.spawn(move || replay(name, *target)))
            .collect();
        running
            .into_iter()
            .flat_map(|target| target.join().expect("a target with a corpus"))
            .collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_fuzz_target_is_complete() {
    let targets: BTreeSet<&str> = ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(targets.len(), ALL.len(), "a name stands there twice");
    for folder in ["corpus", "fuzz_targets"] {
        let paths = names(folder);
        let found: BTreeSet<&str> = paths
            .iter()
            .filter_map(|path| path.file_stem()?.to_str())
            .collect();
        assert_eq!(found, targets, "{folder}");
    }
    let manifest = fs::read_to_string(Path::new(FOLDER).join("Cargo.toml")).expect("a text");
    for name in targets {
        let path = Path::new(FOLDER).join(format!("fuzz_targets/{name}.rs"));
        let text = fs::read_to_string(path).expect("a text");
        assert!(text.contains(&format!("targets::{name}(data)")), "{name}");
        let lines = format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(manifest.contains(&lines), "{name}");
    }
}
