//! What is listed and what a set may be called; the rest is shown on the real binary (`tests/it/`).

use std::path::Path;

use super::listing::companion;
use super::sets::{Names, Wanted, new_name};
use crate::core::validation::{FileKind, StateFile};

fn listed(path: &str) -> StateFile {
    let glob = path.contains('*');
    StateFile { path: path.into(), glob, kind: FileKind::Json, required: false, repair: false }
}

#[test]
fn a_manifest_names_only_what_is_listed() {
    let files = [listed("/srv/a.json"), listed("/srv/s/*.json"), listed("/srv/deep/**/*.json")];
    for path in ["/srv/a.json", "/srv/s/1.json", "/srv/deep/1.json", "/srv/deep/a/b/1.json"] {
        assert!(Names::new(&files).has(path), "{path}");
    }
    for path in [
        "/srv/b.json",
        "/srv/s/t/1.json",
        "/srv/s/.1.json",
        "/srv/s/../../etc/1.json",
        "/srv/deep/../../etc/1.json",
        "a.json",
        "",
    ] {
        assert!(!Names::new(&files).has(path), "{path}");
    }
}

#[test]
fn names_of_sets_are_in_order_whatever_becomes_of_the_clock() {
    let parent = std::env::temp_dir().join(format!("aw-names-{}", std::process::id()));
    std::fs::create_dir_all(&parent).unwrap();
    let mut names = Vec::new();
    let mut take = || {
        let name = new_name(&parent);
        std::fs::create_dir(parent.join(&name)).unwrap();
        names.push(name);
    };
    take();
    // Somebody's own folder is no set, and a clock that was ahead has named one.
    for other in ["zzz", "20991231T235959Z"] {
        std::fs::create_dir(parent.join(other)).unwrap();
    }
    (0..120).for_each(|_| take());
    std::fs::remove_dir_all(&parent).unwrap();
    assert!(names.is_sorted(), "{names:?}");
    assert!(names[0].len() == "20261123T174501Z".len() && names[0].ends_with('Z'), "{names:?}");
    assert_eq!(names[1], "20991231T235959Z-02");
    assert_eq!(names[120], "20991231T235959Z-990000121");
}

#[test]
fn a_set_is_wanted_by_name_by_age_and_never_if_it_crashed() {
    let not = ["b".to_owned()];
    let fits = |set, before, name: &str| Wanted { set, before, not: &not }.fits(name);
    assert!(fits(None, None, "a") && !fits(None, None, "b"));
    assert!(
        fits(None, Some("c"), "a") && !fits(None, Some("c"), "c") && !fits(None, Some("c"), "d")
    );
    assert!(fits(Some("a"), None, "a") && !fits(Some("a"), None, "c"));
}

#[test]
fn companions_stand_beside_their_database() {
    assert_eq!(companion(Path::new("/srv/a.db"), "-wal"), Path::new("/srv/a.db-wal"));
}
