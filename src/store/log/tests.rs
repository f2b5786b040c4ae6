//! What the log keeps, where it turns over, and what it does when it cannot.

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("aw-log-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn log(&self, max_size: u64, keep: u32) -> Log {
        Log::new(self.0.join("log"), max_size, keep)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn at(seconds: u64) -> Up {
    Up(Duration::from_secs(seconds))
}

#[test]
fn lines_of_two_streams_are_not_mixed() {
    let folder = Folder::new("mixed");
    let mut log = folder.log(1000, 1);
    log.take(From::Out, b"one\ntw");
    log.take(From::Err, b"ERR");
    log.take(From::Us, b"agentwatch: hello\n");
    log.take(From::Out, b"o\nthree");
    log.take(From::Err, b"OR\n");
    log.end(From::Out);
    log.take(From::Us, b"agentwatch: bye\n");
    assert_eq!(folder.text("log"), "one\nagentwatch: hello\ntwo\nERROR\nthree\nagentwatch: bye\n");
    assert_eq!(log.news(), None);
}

#[test]
fn it_turns_over_between_lines_and_keeps_so_many() {
    let folder = Folder::new("turn");
    let mut log = folder.log(20, 2);
    for n in 10..20 {
        // Nine bytes each: two fit.
        log.take(From::Out, format!("line {n}.\n").as_bytes());
    }
    assert_eq!(folder.text("log"), "line 18.\nline 19.\n");
    assert_eq!(folder.text("log.1"), "line 16.\nline 17.\n");
    assert_eq!(folder.text("log.2"), "line 14.\nline 15.\n");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3);
    // The same in one go, and none kept.
    let folder = Folder::new("turn-at-once");
    let all: Vec<String> = (10..20).map(|n| format!("line {n}.\n")).collect();
    folder.log(20, 0).take(From::Out, all.concat().as_bytes());
    assert_eq!(folder.text("log"), "line 18.\nline 19.\n");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}

#[test]
fn nothing_is_lost_whatever_the_chunks_and_the_sizes() {
    let mut stream = String::new();
    for n in 0..40 {
        stream.push_str(&"x".repeat(n));
        stream.push_str("\r\n");
    }
    for size in [1, 2, 7, 30, 1000] {
        for max_size in [10, 33, 100, 5000] {
            let folder = Folder::new("chunks");
            let mut log = folder.log(max_size, 1000);
            for chunk in stream.as_bytes().chunks(size) {
                log.take(From::Out, chunk);
            }
            let texts: Vec<String> = (0..400)
                .rev()
                .map(|n| fs::read_to_string(older(&folder.0.join("log"), n)).unwrap_or_default())
                .collect();
            assert_eq!(texts.concat(), stream, "{size} {max_size}");
            assert!(texts.iter().all(|text| text.len() as u64 <= max_size));
        }
    }
}

#[test]
fn a_file_that_was_moved_or_deleted_is_made_again_within_a_second() {
    let folder = Folder::new("moved");
    let mut log = folder.log(1000, 1);
    log.take(From::Out, b"one\n");
    fs::rename(folder.0.join("log"), folder.0.join("away")).unwrap();
    log.take(From::Out, b"two\n");
    log.set_now(at(1));
    log.take(From::Out, b"three\n");
    assert_eq!((folder.text("away"), folder.text("log")), ("one\ntwo\n".into(), "three\n".into()));
    fs::remove_file(folder.0.join("log")).unwrap();
    log.set_now(at(2));
    log.take(From::Out, b"four\n");
    assert_eq!(folder.text("log"), "four\n");
}

#[test]
fn what_cannot_be_written_is_counted_said_once_and_said_again_when_it_works() {
    let folder = Folder::new("fails");
    let mut log = folder.log(1000, 1);
    fs::create_dir(folder.0.join("log")).unwrap();
    log.take(From::Out, b"lost\n");
    assert!(matches!(log.news(), Some(News::Fails(words)) if words.contains("/log: ")));
    log.take(From::Out, b"lost too\n");
    assert_eq!(log.news(), None);
    fs::remove_dir(folder.0.join("log")).unwrap();
    log.set_now(at(1));
    log.take(From::Out, b"kept\n");
    assert_eq!(log.news(), Some(News::Works));
    let text = folder.text("log");
    assert!(text.starts_with("agentwatch: 14 bytes were dropped here: /"), "{text}");
    assert!(text.ends_with("\nkept\n"), "{text}");
}

#[test]
fn a_log_that_cannot_be_put_aside_goes_on() {
    let folder = Folder::new("stuck");
    // A folder that is not empty takes the place of the older one.
    fs::create_dir_all(folder.0.join("log.1/x")).unwrap();
    let mut log = folder.log(10, 1);
    for _ in 0..3 {
        log.take(From::Out, b"12345678\n");
    }
    assert!(matches!(log.news(), Some(News::Fails(words)) if words.contains("put aside")));
    assert_eq!(folder.text("log"), "12345678\n".repeat(3));
    fs::remove_dir_all(folder.0.join("log.1")).unwrap();
    log.set_now(at(1));
    log.take(From::Out, b"new\n");
    assert_eq!((log.news(), folder.text("log")), (Some(News::Works), "new\n".into()));
}

#[test]
fn a_line_that_broke_off_is_not_glued_to_and_a_shared_log_is_turned_once() {
    let folder = Folder::new("shared");
    fs::write(folder.0.join("log"), "broke of").unwrap();
    let (mut one, mut two) = (folder.log(30, 3), folder.log(30, 3));
    one.take(From::Out, b"one one one\n");
    two.take(From::Out, b"two\n");
    assert_eq!(folder.text("log"), "broke of\none one one\ntwo\n");
    one.take(From::Out, b"one more\n");
    two.take(From::Out, b"two more, and more\n");
    assert!(folder.text("log.2").is_empty(), "turned over twice");
    let all = folder.text("log.1") + &folder.text("log");
    assert_eq!(all.lines().count(), 5, "{all}");
}

#[test]
fn a_line_without_an_end_takes_no_memory() {
    let folder = Folder::new("endless");
    let mut log = folder.log(1 << 20, 1);
    for _ in 0..1000 {
        log.take(From::Out, &[b'x'; 1000]);
        assert!(log.parts.iter().all(|part| part.capacity() <= 2 * PART_MAX));
    }
    log.take(From::Err, b"error\n");
    assert!(folder.text("log").ends_with("x\nerror\n"));
}
