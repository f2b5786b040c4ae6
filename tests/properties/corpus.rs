//! Replays every input that the fuzzers kept, without libFuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::properties::TARGETS;

/// The most that is kept of all corpora, in bytes: a clone should not pay for more.
const KEPT_MAX: u64 = 1 << 20;

/// The most files that are kept.
const FILES_MAX: usize = 4_000;

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn stems(folder: &Path) -> BTreeSet<String> {
    let stem = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files(folder).iter().map(stem).collect()
}

#[test]
fn every_kept_input_has_every_property_of_its_parser() {
    let mut broken = Vec::new();
    for (name, check) in TARGETS {
        // Nothing at all: a fuzzer begins with it, and no corpus keeps it.
        let mut inputs = vec![(PathBuf::from(name), Vec::new())];
        let kept = files(&fuzz().join("corpus").join(name));
        inputs.extend(kept.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())));
        for (file, data) in inputs {
            if catch_unwind(AssertUnwindSafe(|| check(&data))).is_err() {
                broken.push(file);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_target_is_in_the_table_has_a_program_and_keeps_a_corpus() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems(&fuzz().join("targets")), names);
    assert_eq!(stems(&fuzz().join("corpus")), names);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in names {
        assert!(
            manifest.contains(&format!("path = \"targets/{name}.rs\"")),
            "fuzz/Cargo.toml: {name}"
        );
    }
}

#[test]
fn the_kept_corpus_is_small() {
    let files: Vec<_> =
        TARGETS.iter().flat_map(|(name, _)| files(&fuzz().join("corpus").join(name))).collect();
    let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(bytes <= KEPT_MAX && files.len() <= FILES_MAX, "{bytes} bytes in {}", files.len());
}
