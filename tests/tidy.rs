//! The rules of the house, enforced: floors, file sizes, what each file says it is for, docs against code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a file may have; see DESIGN's gates. Tests count too: a long file hides things.
const LINES_MAX: usize = 460;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn all_files() -> Vec<(String, String)> {
    let root = root();
    ["src", "tests", "benches", "fuzz/src", "fuzz/targets"]
        .iter()
        .flat_map(|dir| rust_files(&root.join(dir)))
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The floor of a module below `src/`; a module imports from lower floors only, never sideways.
fn floors() -> BTreeMap<&'static str, u32> {
    BTreeMap::from([
        ("core", 0),
        ("wire", 1),
        ("config", 2),
        ("sys", 2),
        ("store", 3),
        ("report", 3),
        ("http", 3),
        ("homes", 3),
        ("statefiles", 4),
        ("deliver", 4),
        ("listen", 4),
        ("look", 4),
        ("run", 4),
        ("serve", 4),
        ("top", 4),
        ("cli", 5),
    ])
}

#[test]
fn every_module_imports_from_lower_floors_only() {
    let floors = floors();
    let mut wrong = Vec::new();
    for (name, text) in all_files() {
        let Some(rest) = name.strip_prefix("src/") else { continue };
        let Some((module, _)) = rest.split_once('/') else { continue };
        let floor = *floors.get(module).unwrap_or_else(|| panic!("{name}: module without a floor"));
        // sys and config share a floor, as store and report do: neither may know the other.
        for (other, other_floor) in &floors {
            let used = text.contains(&format!("crate::{other}::"))
                || text.contains(&format!("crate::{other};"))
                || text.contains(&format!("crate::{{{other}"));
            if used && *other != module && *other_floor >= floor {
                wrong.push(format!("{name} (floor {floor}) imports {other} (floor {other_floor})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is_for_and_is_short() {
    let mut wrong = Vec::new();
    for (name, text) in all_files() {
        if !text.starts_with("//! ") {
            wrong.push(format!("{name}: does not open with //! and its purpose"));
        }
        let lines = text.lines().count();
        if LINES_MAX < lines {
            wrong.push(format!("{name}: {lines} lines, at most {LINES_MAX}"));
        }
        // Test data is as long as it is.
        let tests = name.contains("tests") || text.contains("#[cfg(test)]");
        for (at, line) in text.lines().enumerate().filter(|_| !tests) {
            if 110 < line.chars().count() {
                wrong.push(format!("{name}:{}: {} columns", at + 1, line.chars().count()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_is_pure_and_only_sys_touches_the_system() {
    let pure =
        ["std::io", "std::fs", "std::env", "std::process", "std::net", "Instant", "SystemTime"];
    let system = ["nix::", "libc::", "cfg(target_os", "unsafe {", "allow(unsafe_code"];
    let mut wrong = Vec::new();
    for (name, text) in all_files() {
        if name.contains("tests") {
            continue;
        }
        let above_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String =
            above_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for word in pure.iter().chain(&system) {
            let banned = match word {
                word if system.contains(word) => {
                    name.starts_with("src/") && !name.starts_with("src/sys/")
                }
                _ => name.starts_with("src/core/") || name.starts_with("src/wire/"),
            };
            if banned && code.replace("unix::", "").contains(word) {
                wrong.push(format!("{name}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["todo!(", "unimplemented!(", "FIXME", "#[ignore"];
    let mut wrong = Vec::new();
    for (name, text) in all_files() {
        if name == "tests/tidy.rs" {
            continue;
        }
        for mark in marks {
            if text.contains(mark) {
                wrong.push(format!("{name}: {mark}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_map_of_the_floors_is_true() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for module in floors().keys() {
        assert!(architecture.contains(&format!("`{module}/`")), "ARCHITECTURE.md misses {module}/");
    }
    let mut phases = Vec::new();
    let core = fs::read_to_string(root().join("src/core/supervisor/state.rs")).unwrap();
    let body = core.split("pub enum Phase {").nth(1).unwrap().split('}').next().unwrap();
    for line in body.lines().map(str::trim).filter(|line| !line.starts_with("///")) {
        phases.extend(line.strip_suffix(',').map(snake));
    }
    for phase in phases {
        assert!(architecture.contains(&phase), "ARCHITECTURE.md's diagram misses {phase}");
    }
}

/// `ShuttingDown` as people read it: `shutting down`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(c.to_lowercase());
    }
    text
}

#[test]
fn every_example_in_the_readme_exists() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for word in readme.split(|c: char| c.is_whitespace() || "`()\"'".contains(c)) {
        if word.starts_with("examples/") {
            assert!(root().join(word).exists(), "README.md names {word}");
        }
    }
}

#[test]
fn what_programs_rely_on_is_documented() {
    let docs = fs::read_to_string(root().join("docs/json.md")).unwrap();
    let golden = fs::read_to_string(root().join("tests/golden/journal.jsonl")).unwrap();
    let mut missing = Vec::new();
    let mut look = |word: &str| {
        if !docs.contains(&format!("`{word}`")) {
            missing.push(word.to_owned());
        }
    };
    for line in golden.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        look(value["event"].as_str().unwrap());
        // What an agent tells in a beat is documented where beats are, in the README.
        if value["event"] != "beat" {
            value
                .as_object()
                .unwrap()
                .keys()
                .filter(|key| *key != "event")
                .for_each(|key| look(key));
        }
    }
    let status = serde_json::to_value(agentwatch::report::status::Status::default()).unwrap();
    status.as_object().unwrap().keys().for_each(|key| look(key));
    assert!(missing.is_empty(), "docs/json.md misses {missing:?}");
}
