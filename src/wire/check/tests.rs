//! What the machines make of whole, torn and hostile files.

use super::{Checker, Verdict};
use crate::core::validation::{FaultKind, FileKind};

fn check(kind: FileKind, bytes: &[u8]) -> Verdict {
    let mut checker = Checker::new(kind).unwrap();
    checker.feed(bytes);
    checker.end()
}

/// What is wrong, and where; in every cutting of the bytes the same.
fn wrong(kind: FileKind, bytes: &[u8]) -> Option<(FaultKind, u64)> {
    let whole = check(kind, bytes);
    for at in 0..=bytes.len().min(400) {
        let (one, other) = bytes.split_at(at);
        let mut checker = Checker::new(kind).unwrap();
        checker.feed(one);
        checker.feed(&[]);
        checker.feed(other);
        assert_eq!(
            checker.end(),
            whole,
            "{kind:?} {:?} cut at {at}",
            String::from_utf8_lossy(bytes)
        );
    }
    let mut checker = Checker::new(kind).unwrap();
    for byte in bytes {
        checker.feed(&[*byte]);
    }
    assert_eq!(checker.end(), whole, "{kind:?} {:?} in bytes", String::from_utf8_lossy(bytes));
    whole.wrong.map(|wrong| {
        assert!(
            !wrong.words.contains(char::is_control) && wrong.words.len() < 300,
            "{}",
            wrong.words
        );
        assert!(!wrong.words.is_empty());
        (wrong.fault, wrong.offset)
    })
}

fn json(text: &[u8]) -> Option<(FaultKind, u64)> {
    wrong(FileKind::Json, text)
}

const VALID: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-12",
    "1.5",
    "1e9",
    "1E+9",
    "1.0e-9",
    "0.1",
    "\"\"",
    "[]",
    "{}",
    " [ ] ",
    "\t{\r\n}\n",
    "[1]",
    "[1,2]",
    "[[[[]]]]",
    "{\"a\":1}",
    "{\"a\":{\"b\":[1,{\"c\":null}]}}",
    "\"a\\n\\u00e9\\\"\\\\\\/\"",
    "\"grüße 你好 😀\"",
    "[NaN,Infinity,-Infinity]",
    "\"\\ud800\"",
    "123456789012345678901234567890",
    "\"\u{7f}\"",
    "\u{feff}{}",
    "[1 ,\n2\n]\n\n",
];

const CORRUPT: &[(&str, u64)] = &[
    ("[1,]", 3),
    ("{\"a\":1,}", 7),
    ("{a:1}", 1),
    ("[1 2]", 3),
    ("01", 1),
    ("+1", 0),
    (".5", 0),
    ("[1.]", 3),
    ("[-]", 2),
    ("[1e]", 3),
    ("nul1", 3),
    ("tru]", 3),
    ("{}}", 2),
    ("[]]", 2),
    ("{\"a\" 1}", 5),
    ("{\"a\":}", 5),
    ("[}", 1),
    ("{]", 1),
    ("{\"a\":1]", 6),
    ("[\"\\x\"]", 3),
    ("[\"\\u12g4\"]", 6),
    ("\"a\nb\"", 2),
    ("'a'", 0),
    ("{} {}", 3),
    ("1 2", 2),
    ("\"a\" x", 4),
    ("/* */ {}", 0),
    ("[1]\u{feff}", 3),
    ("nan", 1),
    ("-Infinitx", 8),
    ("]", 0),
];

#[test]
fn what_is_json_is_valid_and_what_is_not_is_named_at_its_place() {
    for text in VALID {
        assert_eq!(json(text.as_bytes()), None, "{text}");
    }
    for (text, at) in CORRUPT {
        assert_eq!(json(text.as_bytes()), Some((FaultKind::Corrupt, *at)), "{text}");
    }
    for (bytes, at) in [
        (&b"\"\xff\""[..], 1),
        (b"\"\xc0\x80\"", 1),
        (b"\"\xc3(\"", 2),
        (b"\"\xed\xa0\x80\"", 2),
        (b"\"\xf5\"", 1),
        (b"\"\xe2\x82\"", 3),
        (b"\xef\xbb{}", 2),
        (b"[\x80]", 1),
        (b"[1,\0 2]", 3),
    ] {
        assert_eq!(json(bytes), Some((FaultKind::Corrupt, at)), "{bytes:?}");
    }
    for text in ["", " \n\t "] {
        assert_eq!(json(text.as_bytes()), Some((FaultKind::Empty, 0)), "{text:?}");
    }
}

#[test]
fn every_cut_of_json_is_torn_at_its_end() {
    let text =
        "{\"a\": [1, 2.5e3, true, null, \"x\\u00e9\\né你\"], \"b\": {\"c\": false}}".as_bytes();
    assert_eq!(json(text), None);
    for end in 1..text.len() {
        assert_eq!(json(&text[..end]), Some((FaultKind::TornEnd, end as u64)), "{end}");
        // What ext4 and XFS leave of a block that was not written before a power cut.
        let zeros = [&text[..end], &[0; 64]].concat();
        assert_eq!(json(&zeros), Some((FaultKind::TornEnd, end as u64)), "{end}");
    }
    assert_eq!(json(&[text, &[0; 9]].concat()), Some((FaultKind::TornEnd, text.len() as u64)));
}

#[test]
fn the_words_say_what_was_torn() {
    let words = |text: &str| check(FileKind::Json, text.as_bytes()).wrong.unwrap().words;
    assert_eq!(words("{\"key\": \"val"), "ends inside a string that began at byte 8");
    assert_eq!(words("[{\"a\": 1"), "ends inside a number inside an object, 2 deep");
    assert_eq!(words("[[1,"), "ends inside an array, 2 deep");
    assert_eq!(words("tr"), "ends inside the word true");
    assert_eq!(words("[1}"), "'}' where ',' or ']' should be");
    assert_eq!(words("{\"a\": 1, }"), "'}' where a key should be");
    assert_eq!(words("{\"a\": \u{1}}"), "byte 0x01 where a value should be");
}

#[test]
fn depth_costs_a_bit_a_level_and_has_an_end() {
    let deep = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
    assert_eq!(check(FileKind::Json, &deep(1 << 20)).wrong, None);
    let wrong = check(FileKind::Json, &deep((1 << 20) + 1)).wrong.unwrap();
    assert_eq!((wrong.fault, wrong.offset), (FaultKind::Corrupt, 1 << 20));
    // Objects and arrays in turn keep their order.
    let mixed = [b"[{\"a\":".repeat(1_000), b"1".to_vec(), b"}]".repeat(1_000)].concat();
    assert_eq!(check(FileKind::Json, &mixed).wrong, None);
}

#[test]
fn a_torn_last_line_can_be_cut_off_and_one_in_the_middle_cannot() {
    let jsonl = |text: &[u8]| {
        let found = wrong(FileKind::Jsonl, text);
        let verdict = check(FileKind::Jsonl, text);
        if let Some(at) = verdict.cut_at {
            let left = &text[..usize::try_from(at).unwrap()];
            assert_eq!(check(FileKind::Jsonl, left), Verdict::default(), "what is left is valid");
        }
        (found, verdict.cut_at)
    };
    for text in
        ["", "\n", "{}\n", "{}", "1\n2\n", "{}\r\n\r\n[]\r\n", "\u{feff}{}\n{}", "{}\n\n  \n{}"]
    {
        assert_eq!(jsonl(text.as_bytes()), (None, None), "{text:?}");
    }
    let torn = |at| (Some((FaultKind::TornEnd, at)), Some(at));
    assert_eq!(jsonl(b"{}\n{\"a\""), torn(3));
    assert_eq!(jsonl(b"{\"a\""), torn(0));
    assert_eq!(jsonl(b"{}\n{} x"), torn(3));
    assert_eq!(jsonl(b"{}\n\0\0\0\0"), torn(3));
    assert_eq!(jsonl(b"{}\n{\"a\":\0\0"), torn(3));
    let corrupt = |at| (Some((FaultKind::Corrupt, at)), None);
    assert_eq!(jsonl(b"{}\n{\"a{\"b\":1}\n{}\n"), corrupt(8));
    assert_eq!(jsonl(b"{}\n{\"a\n"), corrupt(6));
    assert_eq!(jsonl(b"\0\0\n{}\n"), corrupt(0));
    assert_eq!(jsonl(b"plain text, and no line end"), corrupt(0));
    assert_eq!(jsonl(b"\n\nplain text"), corrupt(2));
    let words = check(FileKind::Jsonl, b"{}\n{]\n{}").wrong.unwrap().words;
    assert_eq!(words, "line 2: ']' where a key or '}' should be");
    let words = check(FileKind::Jsonl, b"{}\n{").wrong.unwrap().words;
    assert_eq!(words, "line 2, the last one: ends inside an object, 1 deep");
}

#[test]
fn toml_is_valid_torn_or_corrupt() {
    let toml = |text: &[u8]| wrong(FileKind::Toml, text).map(|(fault, _)| fault);
    assert_eq!(toml(b""), None);
    assert_eq!(toml(b"a = 1\n[b]\nc = \"x\"\n"), None);
    assert_eq!(toml(b"a = 1\nb = \"x"), Some(FaultKind::TornEnd));
    assert_eq!(toml(b"a = ]\nb = 1\n"), Some(FaultKind::Corrupt));
    assert_eq!(toml(b"a = 1\n\0\0\0"), Some(FaultKind::TornEnd));
    assert_eq!(toml(b"a = \"\xff\"\n"), Some(FaultKind::Corrupt));
    assert_eq!(toml(b"a = 1\na = 2\n"), Some(FaultKind::Corrupt));
    // A date or a word that came in part, and comments behind what is open.
    for torn in
        ["d = 2026-11-2", "d = 2026-11-23T19:0", "b = tr", "l = [1, # one\n", "l = [\n # x\n\n"]
    {
        assert_eq!(toml(torn.as_bytes()), Some(FaultKind::TornEnd), "{torn:?}");
    }
    assert_eq!(toml(b"b = tr\n[c]\n"), Some(FaultKind::Corrupt));
    let mut long = Checker::new(FileKind::Toml).unwrap();
    for _ in 0..9 {
        long.feed(&vec![b'#'; 1 << 20]);
    }
    assert!(long.is_settled());
    assert_eq!(long.end().wrong.unwrap().fault, FaultKind::Unreadable);
}

/// The same object by `pickle.dumps`, protocols 0 to 5: numbers, text, bytes, sets, a date, a reference twice.
const PICKLES: [&str; 6] = [
    "286470300a56610a70310a286c70320a49310a6146322e350a61492d370a614c31303030303030303030303030303030\
     3030303030303030303030303030304c0a614930310a614e617356740a70330a2849310a7470340a7356730a70350a63\
     5f5f6275696c74696e5f5f0a7365740a70360a28286c70370a49310a6149320a617470380a5270390a7356660a703130\
     0a635f5f6275696c74696e5f5f0a66726f7a656e7365740a7031310a28286c7031320a49330a61747031330a52703134\
     0a7356620a7031350a635f636f646563730a656e636f64650a7031360a28565c7530303030ff78797a0a7031370a566c\
     6174696e310a7031380a747031390a527032300a7356750a7032310a566772fcdf650a7032320a7356640a7032330a63\
     6461746574696d650a646174650a7032340a286731360a285607ea0b170a7032350a6731380a747032360a527032370a\
     747032380a527032390a7356630a7033300a635f5f6275696c74696e5f5f0a636f6d706c65780a7033310a2846312e30\
     0a46322e300a747033320a527033330a73566f0a7033340a63636f6c6c656374696f6e730a4f72646572656444696374\
     0a7033350a2874527033360a56780a7033370a49310a7373566c0a7033380a286c7033390a49300a6149310a6149320a\
     6149330a6149340a6173566e0a7034300a28647034310a566d0a7034320a28647034330a566b0a7034340a286c703435\
     0a286c7034360a6128647034370a61287461737373566269670a7034380a567878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878780a7034390a\
     735662610a7035300a635f5f6275696c74696e5f5f0a6279746561727261790a7035310a286731360a2856710a703532\
     0a6731380a747035330a527035340a747035350a527035360a735673656c660a7035370a6733390a732e",
    "7d71002858010000006171015d7102284b014740040000000000004af9ffffff4c313030303030303030303030303030\
     303030303030303030303030303030304c0a4930310a4e655801000000747103284b017471045801000000737105635f\
     5f6275696c74696e5f5f0a7365740a7106285d7107284b014b0265747108527109580100000066710a635f5f6275696c\
     74696e5f5f0a66726f7a656e7365740a710b285d710c4b036174710d52710e580100000062710f635f636f646563730a\
     656e636f64650a711028580600000000c3bf78797a711158060000006c6174696e317112747113527114580100000075\
     711558070000006772c3bcc39f6571165801000000647117636461746574696d650a646174650a711828681028580500\
     000007c3aa0b177119681274711a52711b74711c52711d580100000063711e635f5f6275696c74696e5f5f0a636f6d70\
     6c65780a711f28473ff000000000000047400000000000000074712052712158010000006f712263636f6c6c65637469\
     6f6e730a4f726465726564446963740a71232952712458010000007871254b017358010000006c71265d7127284b004b\
     014b024b034b046558010000006e71287d712958010000006d712a7d712b58010000006b712c5d712d285d712e7d712f\
     2965737358030000006269677130582c0100007878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787131580200000062617132635f5f627569\
     6c74696e5f5f0a6279746561727261790a71332868102858010000007171346812747135527136747137527138580400\
     000073656c6671396827752e",
    "80027d71002858010000006171015d7102284b014740040000000000004af9ffffff8a0d00000040eaed7446d09c2c9f\
     0c884e6558010000007471034b018571045801000000737105635f5f6275696c74696e5f5f0a7365740a71065d710728\
     4b014b0265857108527109580100000066710a635f5f6275696c74696e5f5f0a66726f7a656e7365740a710b5d710c4b\
     036185710d52710e580100000062710f635f636f646563730a656e636f64650a7110580600000000c3bf78797a711158\
     060000006c6174696e317112867113527114580100000075711558070000006772c3bcc39f6571165801000000647117\
     636461746574696d650a646174650a71186810580500000007c3aa0b177119681286711a52711b85711c52711d580100\
     000063711e635f5f6275696c74696e5f5f0a636f6d706c65780a711f473ff00000000000004740000000000000008671\
     2052712158010000006f712263636f6c6c656374696f6e730a4f726465726564446963740a7123295271245801000000\
     7871254b017358010000006c71265d7127284b004b014b024b034b046558010000006e71287d712958010000006d712a\
     7d712b58010000006b712c5d712d285d712e7d712f2965737358030000006269677130582c0100007878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787131580200000062617132635f5f6275696c74696e5f5f0a6279746561727261790a71336810580100000071\
     71346812867135527136857137527138580400000073656c6671396827752e",
    "80037d71002858010000006171015d7102284b014740040000000000004af9ffffff8a0d00000040eaed7446d09c2c9f\
     0c884e6558010000007471034b018571045801000000737105636275696c74696e730a7365740a71065d7107284b014b\
     0265857108527109580100000066710a636275696c74696e730a66726f7a656e7365740a710b5d710c4b036185710d52\
     710e580100000062710f430500ff78797a7110580100000075711158070000006772c3bcc39f65711258010000006471\
     13636461746574696d650a646174650a7114430407ea0b1771158571165271175801000000637118636275696c74696e\
     730a636f6d706c65780a7119473ff000000000000047400000000000000086711a52711b58010000006f711c63636f6c\
     6c656374696f6e730a4f726465726564446963740a711d2952711e580100000078711f4b017358010000006c71205d71\
     21284b004b014b024b034b046558010000006e71227d712358010000006d71247d712558010000006b71265d7127285d\
     71287d7129296573735803000000626967712a582c010000787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878712b58020000006261712c63\
     6275696c74696e730a6279746561727261790a712d430171712e85712f527130580400000073656c6671316821752e",
    "80049570020000000000007d94288c0161945d94284b014740040000000000004af9ffffff8a0d00000040eaed7446d0\
     9c2c9f0c884e658c0174944b0185948c0173948f94284b014b02908c016694284b0391948c016294430500ff78797a94\
     8c0175948c076772c3bcc39f65948c0164948c086461746574696d65948c0464617465949394430407ea0b1794859452\
     948c0163948c086275696c74696e73948c07636f6d706c6578949394473ff00000000000004740000000000000008694\
     52948c016f948c0b636f6c6c656374696f6e73948c0b4f726465726564446963749493942952948c0178944b01738c01\
     6c945d94284b004b014b024b034b04658c016e947d948c016d947d948c016b945d94285d947d94296573738c03626967\
     94582c010000787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878948c0262619468158c096279746561727261799493944301719485945294\
     8c0473656c66946821752e",
    "80059563020000000000007d94288c0161945d94284b014740040000000000004af9ffffff8a0d00000040eaed7446d0\
     9c2c9f0c884e658c0174944b0185948c0173948f94284b014b02908c016694284b0391948c016294430500ff78797a94\
     8c0175948c076772c3bcc39f65948c0164948c086461746574696d65948c0464617465949394430407ea0b1794859452\
     948c0163948c086275696c74696e73948c07636f6d706c6578949394473ff00000000000004740000000000000008694\
     52948c016f948c0b636f6c6c656374696f6e73948c0b4f726465726564446963749493942952948c0178944b01738c01\
     6c945d94284b004b014b024b034b04658c016e947d948c016d947d948c016b945d94285d947d94296573738c03626967\
     94582c010000787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
     787878787878787878787878787878787878948c0262619496010000000000000071948c0473656c66946821752e",
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn pickles_of_every_protocol_are_valid_and_every_cut_of_them_is_torn() {
    for (protocol, hex) in PICKLES.iter().enumerate() {
        let pickle = bytes(hex);
        assert_eq!(wrong(FileKind::Pickle, &pickle), None, "protocol {protocol}");
        assert_eq!(wrong(FileKind::Pickle, &pickle.repeat(2)), None, "two of protocol {protocol}");
        for end in 1..pickle.len() {
            let torn = check(FileKind::Pickle, &pickle[..end]).wrong.unwrap();
            assert_eq!(
                torn.fault,
                FaultKind::TornEnd,
                "protocol {protocol}, {end} bytes: {torn:?}"
            );
        }
    }
}

#[test]
fn no_length_of_a_pickle_is_believed() {
    let pickle = |bytes: &[u8]| wrong(FileKind::Pickle, bytes).map(|(fault, _)| fault);
    assert_eq!(pickle(b""), Some(FaultKind::Empty));
    // 2^63 bytes of text.
    assert_eq!(pickle(b"\x80\x04\x8d\0\0\0\0\0\0\0\x80abc"), Some(FaultKind::TornEnd));
    assert_eq!(pickle(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), Some(FaultKind::TornEnd));
    // Less than nothing: -1 bytes of a number and of a string.
    for byte in *b"\x8bT" {
        let negative = [byte, 0xff, 0xff, 0xff, 0xff, b'.'];
        assert_eq!(wrong(FileKind::Pickle, &negative), Some((FaultKind::Corrupt, 0)));
    }
    assert_eq!(pickle(b"T\xff\xff\xff\x7fa"), Some(FaultKind::TornEnd));
    assert_eq!(pickle(b"N."), None);
    assert_eq!(pickle(b"."), Some(FaultKind::Corrupt), "an empty stack");
    assert_eq!(pickle(b"NN."), Some(FaultKind::Corrupt), "two objects");
    assert_eq!(pickle(b"(N."), Some(FaultKind::Corrupt), "a mark is left");
    assert_eq!(pickle(b"a."), Some(FaultKind::Corrupt));
    assert_eq!(pickle(b"N\xff."), Some(FaultKind::Corrupt));
    assert_eq!(pickle(b"N.\0\0\0"), Some(FaultKind::TornEnd));
    assert_eq!(pickle(b"N.rubbish"), Some(FaultKind::Corrupt));
    assert_eq!(pickle(&b"(".repeat(70_000)), Some(FaultKind::Corrupt));
}

#[test]
fn what_is_only_to_be_there_is_never_wrong() {
    for kind in [FileKind::Exists, FileKind::Opaque] {
        assert_eq!(wrong(kind, b"\0\xff{"), None);
    }
    assert!(Checker::new(FileKind::Sqlite).is_none());
}

#[test]
fn verdicts_on_random_json_agree_with_the_library() {
    use serde::Deserialize as _;
    // Knuth's generator: the same documents on every machine.
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    let pieces = [
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "1", "-", ".", "e", "0", "true", "null", " ",
        "\n", "\\", "é", "\"a\":1", "[1,2]", "{\"k\":", "\\u0041",
    ];
    let mut valid = 0;
    for _ in 0..200_000 {
        let text: String = (0..=next(6)).map(|_| pieces[next(pieces.len())]).collect();
        let mut library = serde_json::Deserializer::from_str(&text);
        let library = serde::de::IgnoredAny::deserialize(&mut library).and_then(|_| library.end());
        assert_eq!(
            check(FileKind::Json, text.as_bytes()).wrong.is_none(),
            library.is_ok(),
            "{text}"
        );
        valid += u32::from(library.is_ok());
    }
    assert!(valid > 2_000, "{valid} of them were valid");
}
