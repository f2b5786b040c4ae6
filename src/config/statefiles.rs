//! `state.files`: paths, patterns, and how each is checked. Pure.

use std::path::Path;

use toml::de::{DeArray, DeTable, DeValue};

use super::layers::{Surroundings, absolute};
use super::suggest;
use super::value::{Fault, Read, Value, found};
use crate::core::validation::{FileKind, StateFile};

/// The most entries: each is looked at by itself, and a pattern stands for many files.
const MAX: usize = 256;

/// What may be written.
const WANTED: &str =
    "a path, or a list such as [\"memory.json\", { path = \"log.txt\", kind = \"jsonl\" }]";

/// The words for kinds.
const KINDS: [(&str, FileKind); 6] = [
    ("json", FileKind::Json),
    ("jsonl", FileKind::Jsonl),
    ("toml", FileKind::Toml),
    ("sqlite", FileKind::Sqlite),
    ("pickle", FileKind::Pickle),
    ("exists", FileKind::Exists),
];

/// What an entry may hold.
const FIELDS: [&str; 4] = ["path", "kind", "required", "repair"];

/// One entry as written: its path is not absolute yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    path: String,
    kind: Option<FileKind>,
    required: bool,
    repair: Option<bool>,
}

/// Reads the paths of a flag that may be given several times.
///
/// # Errors
/// An empty path, a NUL byte, no UTF-8, or too many of them.
pub fn from_flags<'a>(
    paths: impl Iterator<Item = &'a std::ffi::OsStr>,
) -> Result<Read, (String, Fault)> {
    let mut all = Vec::new();
    for path in paths {
        let shown = path.to_string_lossy().into_owned();
        let text = path.to_str().ok_or_else(|| (shown.clone(), Fault::NotText))?;
        all.push(bare(text).map_err(|fault| (shown, fault))?);
    }
    done(all).map_err(|fault| (String::new(), fault))
}

/// Reads a text: of a file that is one path, of a variable several with a colon between them.
///
/// # Errors
/// As [`from_flags`].
pub fn from_text(text: &str) -> Result<Read, Fault> {
    done(text.split(':').map(bare).collect::<Result<_, _>>()?)
}

/// Reads a list.
///
/// # Errors
/// What is unknown or wrong in it, in words.
pub fn from_list(list: &DeArray<'_>) -> Result<Read, Fault> {
    let entry = |one: &DeValue<'_>| match one {
        DeValue::String(path) => bare(path),
        DeValue::Table(table) => entry(table),
        other => Err(Fault::Wrong(format!("holds {}; write {WANTED}", found(other)))),
    };
    done(list.iter().map(|one| entry(one.get_ref())).collect::<Result<_, _>>()?)
}

fn bare(path: &str) -> Result<Written, Fault> {
    if path.is_empty() {
        return Err(Fault::EmptyPath);
    }
    if path.contains('\0') {
        return Err(Fault::Nul);
    }
    Ok(Written { path: path.to_owned(), kind: None, required: false, repair: None })
}

fn done(all: Vec<Written>) -> Result<Read, Fault> {
    if all.is_empty() {
        return Err(Fault::Empty { wanted: WANTED });
    }
    if MAX < all.len() {
        let words = format!("holds {} entries; write at most {MAX}, or patterns", all.len());
        return Err(Fault::Wrong(words));
    }
    let text = all.iter().map(|one| one.path.as_str()).collect::<Vec<_>>().join(", ");
    Ok(Read { value: Value::Files(all), text })
}

fn entry(table: &DeTable<'_>) -> Result<Written, Fault> {
    let wrong = |words: String| Err(Fault::Wrong(words));
    for (name, _) in table {
        let name = name.get_ref().as_ref();
        if !FIELDS.contains(&name) {
            let meant =
                suggest::nearest(name, FIELDS).map(|near| format!("; did you mean {near}?"));
            return wrong(format!(
                "has an entry with {name:?}, and an entry has {}{}",
                FIELDS.join(", "),
                meant.unwrap_or_default()
            ));
        }
    }
    let field = |name: &str| table.get(name).map(toml::Spanned::get_ref);
    let Some(DeValue::String(path)) = field("path") else {
        return wrong(format!("has an entry without a path; write {WANTED}"));
    };
    let mut written = bare(path)?;
    match field("kind") {
        None => {}
        Some(DeValue::String(word)) => {
            let kind = KINDS.iter().find(|(name, _)| name == word);
            let Some((_, kind)) = kind else {
                let words: Vec<_> = KINDS.iter().map(|(name, _)| *name).collect();
                let meant = suggest::nearest(word, words.iter().copied());
                let meant = meant.map(|near| format!("; did you mean {near}?"));
                return wrong(format!(
                    "has an entry of kind {word:?}, and kinds are {}{}",
                    words.join(", "),
                    meant.unwrap_or_default()
                ));
            };
            written.kind = Some(*kind);
        }
        Some(other) => return wrong(format!("has a kind that is {}; write text", found(other))),
    }
    let switch = |name: &str| match field(name) {
        None => Ok(None),
        Some(DeValue::Boolean(on)) => Ok(Some(*on)),
        Some(other) => Err(Fault::Wrong(format!(
            "has {name} = {}; write true or false without quotes",
            found(other)
        ))),
    };
    // A file that is only asked to be there is asked to be there.
    let must = written.kind == Some(FileKind::Exists);
    written.required = switch("required")?.unwrap_or(must);
    written.repair = switch("repair")?;
    if written.repair == Some(true) && written.kind() != FileKind::Jsonl {
        return wrong(format!(
            "has repair = true for {path:?}; only of JSONL a torn line can be cut off"
        ));
    }
    Ok(written)
}

impl Written {
    /// How it is checked: as it says, or as its name does.
    fn kind(&self) -> FileKind {
        self.kind.unwrap_or_else(|| {
            let extension = Path::new(&self.path).extension().and_then(|ext| ext.to_str());
            match extension.map(str::to_ascii_lowercase).as_deref() {
                Some("json") => FileKind::Json,
                Some("jsonl" | "ndjson") => FileKind::Jsonl,
                Some("toml") => FileKind::Toml,
                Some("sqlite" | "sqlite3" | "db" | "db3") => FileKind::Sqlite,
                Some("pkl" | "pickle") => FileKind::Pickle,
                _ => FileKind::Opaque,
            }
        })
    }

    /// The entry as the agent itself would understand its path: from its working directory.
    ///
    /// # Errors
    /// A `~` where nobody knows the home, and a path of which not all is text.
    pub(super) fn resolve(&self, cwd: &Path, around: &Surroundings) -> Result<StateFile, Fault> {
        let path = absolute(Path::new(&self.path), cwd, around)?;
        let path = path.to_str().ok_or(Fault::NotText)?.to_owned();
        // A folder above it may have such a sign in its name; the pattern is what somebody wrote.
        let glob = self.path.contains(['*', '?', '[']);
        let kind = self.kind();
        let repair = self.repair.unwrap_or(kind == FileKind::Jsonl);
        Ok(StateFile { path, glob, kind, required: self.required, repair })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::de::DeTable;

    fn read(list: &str) -> Result<Vec<Written>, String> {
        let text = format!("files = {list}");
        let table = DeTable::parse(&text).unwrap();
        let Some(DeValue::Array(list)) = table.get_ref().get("files").map(toml::Spanned::get_ref)
        else {
            panic!("no list")
        };
        match from_list(list).map_err(|fault| fault.to_string())?.value {
            Value::Files(files) => Ok(files),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_tells_the_kind_unless_somebody_does() {
        let kinds = |list: &str| {
            read(list).unwrap().iter().map(|one| (one.kind(), one.required)).collect::<Vec<_>>()
        };
        assert_eq!(
            kinds(r#"["a.json", "B.JSONL", "c.db", "d.pkl", "e.toml", "notes.md", "s/*.ndjson"]"#),
            [
                (FileKind::Json, false),
                (FileKind::Jsonl, false),
                (FileKind::Sqlite, false),
                (FileKind::Pickle, false),
                (FileKind::Toml, false),
                (FileKind::Opaque, false),
                (FileKind::Jsonl, false),
            ]
        );
        assert_eq!(
            kinds(
                r#"[{ path = "a", kind = "json", required = true }, { path = "b", kind = "exists" }]"#
            ),
            [(FileKind::Json, true), (FileKind::Exists, true)]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_the_way_out() {
        for (list, words) in [
            ("[]", "is empty; write a path"),
            ("[1]", "holds an integer; write a path"),
            (r#"[""]"#, "is empty; write a path"),
            (r#"[{ kind = "json" }]"#, "without a path"),
            (r#"[{ path = "a", kind = "jason" }]"#, "did you mean json?"),
            (r#"[{ path = "a", requird = true }]"#, "did you mean required?"),
            (r#"[{ path = "a.json", repair = true }]"#, "only of JSONL"),
            (r#"[{ path = "a", required = 1 }]"#, "has required = an integer; write true or false"),
        ] {
            let error = read(list).unwrap_err();
            assert!(error.contains(words), "{list}: {error}");
        }
        let many = format!("[{}]", vec!["\"a\""; MAX + 1].join(","));
        assert!(read(&many).unwrap_err().contains("257 entries; write at most 256"));
    }
}
