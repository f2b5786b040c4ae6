//! What is to be known of a file of Compose, from what the parser of YAML tells of it.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Tag};

/// Deeper than this is nobody's file.
const DEPTH_MAX: usize = 32;

/// Where aliases would make more of a file than this, it is not read.
const NODES_MAX: usize = 20_000;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A scalar, whatever it means.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in order.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key; of one that is there twice the last.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// A scalar's text.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The items of a sequence; one that stands alone is one.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            node => std::slice::from_ref(node),
        }
    }

    fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    /// All scalars in it, and the keys of what is below.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::List(items) => items.iter().flat_map(Self::texts).collect(),
            Self::Map(entries) => {
                let pairs = entries.iter();
                pairs.flat_map(|(key, value)| [vec![key.clone()], value.texts()].concat()).collect()
            }
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Text(_) => 1,
            Self::List(items) => items.iter().map(Self::size).sum::<usize>() + 1,
            Self::Map(entries) => entries.iter().map(|(_, value)| value.size()).sum::<usize>() + 1,
        }
    }
}

/// A sequence or mapping whose end has not come.
struct Open {
    node: Node,
    /// Of a mapping, the key whose value comes next.
    key: Option<String>,
    anchor: usize,
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

/// Reads a file.
///
/// # Errors
/// It is no YAML, or more than is understood here, with the line.
pub fn read(text: &str) -> Result<Node, String> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| format!("line {}: {}", error.marker().line(), error.info()))?;
        reader.take(event).map_err(|words| format!("line {}: {words}", span.start.line()))?;
    }
    match reader.root {
        None => Ok(Node::Map(Vec::new())),
        Some(root @ Node::Map(_)) => Ok(root),
        Some(_) => Err("line 1: it is no mapping".to_owned()),
    }
}

impl Reader {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        let is_tagged = |tag: &Option<std::borrow::Cow<'_, Tag>>| tag.is_some();
        match event {
            Event::Scalar(.., tag) | Event::SequenceStart(_, tag) | Event::MappingStart(_, tag)
                if is_tagged(&tag) =>
            {
                Err("a tag, which is not understood here".to_owned())
            }
            Event::Scalar(text, _, anchor, _) => self.put(Node::Text(text.into_owned()), anchor),
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                self.put(known.ok_or("an alias of what it stands in")?, 0)
            }
            Event::SequenceStart(anchor, _) => self.begin(Node::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.begin(Node::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.put(open.node, open.anchor),
                None => Ok(()),
            },
            Event::DocumentStart(_) if self.root.is_some() => {
                Err("a second document, which is not read".to_owned())
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        if DEPTH_MAX <= self.open.len() {
            return Err("it is too deep".to_owned());
        }
        self.open.push(Open { node, key: None, anchor });
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        self.nodes += node.size();
        if NODES_MAX < self.nodes {
            return Err("aliases make it explode".to_owned());
        }
        // An anchor's number is never 0.
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.node, open.key.take(), node) {
            (Node::List(items), _, node) => items.push(node),
            (Node::Map(entries), Some(key), node) if key == "<<" => {
                // What is merged in gives way to what stands here, wherever that does.
                let merged = node.items().iter().flat_map(Node::entries).cloned();
                entries.splice(..0, merged.collect::<Vec<_>>());
            }
            (Node::Map(entries), Some(key), node) => entries.push((key, node)),
            (Node::Map(_), None, Node::Text(key)) => open.key = Some(key),
            _ => return Err("a key that is no word".to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn what_files_of_compose_are_written_in_is_read() {
        let root = read(
            "# a remark\nx-all: &all\n  restart: always\n  init: true # why\nservices:\n  one:\n    <<: *all\n    \
             init: false\n    command: [\"a\", 'b: c',\n      d#e]  # three\n    volumes:\n    - x:/y\n    - type: \
             tmpfs\n      target: /z\n    environment: {A: 1, B: \"\"}\n    note: >\n      long\n      text\n  \
             \"two\":\n    command: run this\n      and that\n",
        )
        .unwrap();
        let services = root.get("services").unwrap();
        let one = services.get("one").unwrap();
        assert_eq!(one.get("restart"), Some(&text("always")));
        assert_eq!(one.get("init"), Some(&text("false")));
        assert_eq!(one.get("command").unwrap().texts(), ["a", "b: c", "d#e"]);
        let volumes = one.get("volumes").unwrap().items();
        assert_eq!(volumes[0], text("x:/y"));
        assert_eq!(volumes[1].get("target"), Some(&text("/z")));
        assert_eq!(one.get("environment").unwrap().get("B"), Some(&text("")));
        assert_eq!(one.get("environment").unwrap().get("A"), Some(&text("1")));
        assert_eq!(services.get("two").unwrap().get("command"), Some(&text("run this and that")));
    }

    #[test]
    fn what_is_beyond_it_is_said() {
        for (bad, words) in [
            ("a:\n\tb: 1", "line 2"),
            ("a: [1, 2", "line 2: while parsing a flow sequence"),
            ("a: {b: 1]", "line 1"),
            ("a: *b", "line 1"),
            ("a: &b [*b]", "an alias of what it stands in"),
            ("a: !reset []", "line 1: a tag"),
            ("just words", "line 1: it is no mapping"),
            ("[a]: b", "a key that is no word"),
            ("a: 1\n---\nb: 2", "a second document"),
            ("  a: 1\n b: 2", "line 2"),
        ] {
            let said = read(bad).unwrap_err();
            assert!(said.contains(words), "{bad}: {said}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&format!("a: {deep}")).is_err());
        let many =
            |lines: usize, line: &dyn Fn(usize) -> String| (1..lines).map(line).collect::<String>();
        assert!(read(&format!("a: {}", "&a ".repeat(100_000))).is_err());
        let deep = many(1000, &|n| format!("{}a:\n", " ".repeat(n)));
        assert!(read(&deep).is_err());
        let bomb = many(64, &|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1));
        let _ = read(&format!("a0: &a0 [1]\n{bomb}"));
        let bomb = many(64, &|n| format!("a{n}: &a{n}\n  - *a{0}\n  - *a{0}\n", n - 1));
        assert!(read(&format!("a0: &a0 x\n{bomb}")).unwrap_err().contains("explode"));
    }
}
