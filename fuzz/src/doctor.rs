//! Files that start agentwatch, as `doctor` judges them: what people see of any is short and plain.

use std::time::Duration;

use agentwatch::homes::checkup::{Facts, Launcher, compose, judge, plist, unit};

use super::{assert_plain, assert_words};

pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let launcher =
        |path: &str| Launcher { path: path.to_owned(), text: text.clone(), ..Launcher::default() };
    let mut built = launcher("compose.yaml");
    built.ground.beside =
        compose::builds(&text).into_iter().map(|file| (file, text.clone())).collect();
    // The same bytes as a Dockerfile.
    let mut image = Launcher { text: "services: {a: {build: .}}".to_owned(), ..launcher("c.yaml") };
    image.ground.beside = vec![("Dockerfile".to_owned(), text.clone())];
    let facts = Facts {
        units: vec![launcher("/etc/systemd/system/a.service")],
        plists: vec![launcher("/Library/LaunchDaemons/a.plist")],
        composes: vec![built, image],
        stop_timeout: Duration::from_secs(30),
        ..Facts::default()
    };
    assert_eq!(unit::starts_us(&facts.units[0]), unit::line(&facts.units[0]).is_some());
    let _ = (unit::program(&facts.units[0]), plist::needs(&facts.plists[0]));
    for finding in judge(&facts) {
        for words in [Some(&finding.words), finding.fix.as_ref(), finding.file.as_ref()]
            .into_iter()
            .flatten()
        {
            assert_plain(words);
            assert!(!words.contains('\t'), "{words:?}");
            if words.len() <= 1000 {
                assert_words(words);
            }
        }
    }
}
