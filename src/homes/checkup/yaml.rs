//! As much YAML as files of Compose are written in; what is beyond that is said, and not guessed.

/// Deeper than this is nobody's file.
const DEPTH_MAX: usize = 32;

/// Where aliases would make more of a file than this, it is not read.
const NODES_MAX: usize = 20_000;

/// Each alias looks through all anchors.
const ANCHORS_MAX: usize = 500;

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

/// A line: its number, how far it is indented, its text.
#[derive(Clone, Debug)]
struct Line {
    number: usize,
    indent: usize,
    text: String,
}

struct Reader {
    lines: Vec<Line>,
    at: usize,
    anchors: Vec<(String, Node)>,
    nodes: usize,
}

type Read<T> = Result<T, String>;

/// Reads a document.
///
/// # Errors
/// What is not understood, with its line.
pub(super) fn read(text: &str) -> Read<Node> {
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        let bare = line.trim_start_matches(' ');
        let text = bare.trim_end();
        if text.is_empty() || text.starts_with('#') || text == "---" || text.starts_with('%') {
            continue;
        }
        if text == "..." {
            break;
        }
        if text.starts_with('\t') {
            return Err(format!("line {number} is indented by a tab"));
        }
        lines.push(Line { number, indent: line.len() - bare.len(), text: text.to_owned() });
    }
    let mut reader = Reader { lines, at: 0, anchors: Vec::new(), nodes: 0 };
    let Some(first) = reader.lines.first() else { return Ok(Node::Map(Vec::new())) };
    let node = reader.block(first.indent, 0)?;
    match reader.lines.get(reader.at) {
        Some(line) => Err(format!("line {} is indented like no other", line.number)),
        None => Ok(node),
    }
}

/// The text before a remark.
fn without_remark(text: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() => {
                return text.get(..at).unwrap_or_default().trim_end();
            }
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
            (Some(open), c) if open == c && before != '\\' => quote = None,
            _ => {}
        }
        before = c;
    }
    text.trim_end()
}

/// A key and what stands behind it.
fn pair(text: &str) -> Option<(String, &str)> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let (key, rest) = text.get(1..)?.split_once(quote)?;
        let rest = rest.trim_start().strip_prefix(':')?;
        return Some((key.to_owned(), rest.trim_start()));
    }
    if text.starts_with(['[', '{', '#', '|', '>']) {
        return None;
    }
    let at = text.find(": ").or_else(|| text.ends_with(':').then(|| text.len() - 1));
    // A remark may end in a colon, and a line may be a key with a remark behind it.
    let at = at.or_else(|| without_remark(text).strip_suffix(':').map(str::len))?;
    let (key, rest) = text.split_at(at);
    Some((key.trim_end().to_owned(), rest.get(1..)?.trim_start()))
}

impl Reader {
    fn peek(&self) -> Option<&Line> {
        self.lines.get(self.at)
    }

    fn wrong<T>(&self, what: &str) -> Read<T> {
        let line = self.lines.get(self.at).or(self.lines.last());
        Err(format!("line {}: {what}", line.map_or(0, |line| line.number)))
    }

    /// About the line that was passed last.
    fn was<T>(&self, what: &str) -> Read<T> {
        let line = self.at.checked_sub(1).and_then(|at| self.lines.get(at));
        Err(format!("line {}: {what}", line.map_or(0, |line| line.number)))
    }

    /// What stands at this indentation.
    fn block(&mut self, indent: usize, depth: usize) -> Read<Node> {
        if DEPTH_MAX < depth {
            return self.wrong("it is nested too deeply");
        }
        let (mut list, mut map) = (Vec::new(), Vec::new());
        while let Some(line) = self.peek().filter(|line| line.indent == indent).cloned() {
            if line.text == "-" || line.text.starts_with("- ") {
                if !map.is_empty() {
                    break;
                }
                list.push(self.item(&line, depth)?);
                continue;
            }
            if !list.is_empty() {
                break;
            }
            let Some((key, rest)) = pair(&line.text) else {
                return self.wrong("it is neither a key nor an item");
            };
            self.at += 1;
            let value = self.value(rest, indent, true, depth)?;
            match value {
                Node::Map(entries) if key == "<<" => map.splice(0..0, entries).for_each(drop),
                value => map.push((key, value)),
            }
        }
        self.nodes += 1;
        Ok(if list.is_empty() { Node::Map(map) } else { Node::List(list) })
    }

    /// Behind a hyphen.
    fn item(&mut self, line: &Line, depth: usize) -> Read<Node> {
        let rest = line.text.strip_prefix('-').unwrap_or_default();
        let text = rest.trim_start();
        let inner = line.indent + line.text.len() - text.len();
        if pair(text).is_some() && !text.starts_with(['&', '*', '!', '"', '\'']) {
            if let Some(line) = self.lines.get_mut(self.at) {
                line.indent = inner;
                text.clone_into(&mut line.text);
            }
            return self.block(inner, depth + 1);
        }
        self.at += 1;
        self.value(text, line.indent, false, depth)
    }

    /// What stands behind a key or a hyphen at this indentation.
    fn value(&mut self, rest: &str, indent: usize, of_key: bool, depth: usize) -> Read<Node> {
        if DEPTH_MAX < depth || ANCHORS_MAX < self.anchors.len() {
            return self.was("it is nested too deeply, or has too many anchors");
        }
        let rest = without_remark(rest);
        if let Some(rest) = rest.strip_prefix('&') {
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let node = self.value(rest.trim_start(), indent, of_key, depth + 1)?;
            self.anchors.push((name.to_owned(), node.clone()));
            return Ok(node);
        }
        if let Some(name) = rest.strip_prefix('*') {
            let known = self.anchors.iter().rev().find(|(known, _)| known == name);
            let Some((_, node)) = known.cloned() else { return self.was("an alias of nothing") };
            self.nodes += node.size();
            return if NODES_MAX < self.nodes { self.was("its aliases explode") } else { Ok(node) };
        }
        match rest.chars().next() {
            None => self.below(indent, of_key, depth),
            Some('!') => self.was("a tag"),
            Some('|' | '>') => Ok(Node::Text(self.lines_below(indent).join("\n"))),
            Some('[' | '{') => self.flow(rest, indent),
            Some(_) => {
                let mut text = rest.to_owned();
                for more in self.lines_below(indent) {
                    text.push(' ');
                    text.push_str(without_remark(&more));
                }
                Ok(Node::Text(unquoted(&text)))
            }
        }
    }

    /// A block below a key or a hyphen; items may stand right below their key.
    fn below(&mut self, indent: usize, of_key: bool, depth: usize) -> Read<Node> {
        let deeper = |line: &&Line| {
            indent < line.indent || of_key && line.indent == indent && line.text.starts_with('-')
        };
        match self.peek().filter(deeper).map(|line| line.indent) {
            Some(inner) => self.block(inner, depth + 1),
            None => Ok(Node::Text(String::new())),
        }
    }

    /// The lines that are indented deeper, as they are.
    fn lines_below(&mut self, indent: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(line) = self.peek().filter(|line| indent < line.indent) {
            texts.push(line.text.clone());
            self.at += 1;
        }
        texts
    }

    /// `[…]` and `{…}`, over as many lines as it takes.
    fn flow(&mut self, rest: &str, indent: usize) -> Read<Node> {
        /// Each line more is read with all before it.
        const LINES_MAX: usize = 500;
        let mut text = rest.to_owned();
        for _ in 0..LINES_MAX {
            let mut chars = text.chars().peekable();
            if let Some(node) = flow(&mut chars, 0) {
                let behind: String = chars.collect();
                return match behind.trim() {
                    "" => Ok(node),
                    _ => self.was("something stands behind a bracket"),
                };
            }
            let Some(line) = self.peek().filter(|line| indent <= line.indent).cloned() else {
                return self.was("a bracket is not closed, or holds what is not understood");
            };
            text.push(' ');
            text.push_str(without_remark(&line.text));
            self.at += 1;
        }
        self.was("a bracket is not closed for long")
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// A node within brackets; `None` if the text ends too soon.
fn flow(chars: &mut Chars<'_>, depth: usize) -> Option<Node> {
    if DEPTH_MAX < depth {
        return None;
    }
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
    let close = match chars.peek()? {
        '[' => ']',
        '{' => '}',
        _ => return scalar(chars).map(Node::Text),
    };
    chars.next();
    let (mut list, mut map) = (Vec::new(), Vec::new());
    loop {
        while chars.next_if(|c| c.is_whitespace() || *c == ',').is_some() {}
        if chars.next_if_eq(&close).is_some() {
            return Some(if close == ']' { Node::List(list) } else { Node::Map(map) });
        }
        let node = flow(chars, depth + 1)?;
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        match node {
            Node::Text(key) if close == '}' => {
                let value = chars.next_if_eq(&':').and_then(|_| flow(chars, depth + 1));
                map.push((key, value.unwrap_or(Node::Text(String::new()))));
            }
            node => list.push(node),
        }
        // A bracket of the other kind closes nothing.
        if !matches!(chars.peek()?, c if *c == ',' || *c == close) {
            return None;
        }
    }
}

/// A scalar within brackets.
fn scalar(chars: &mut Chars<'_>) -> Option<String> {
    let mut text = String::new();
    if let Some(quote) = chars.next_if(|c| matches!(c, '"' | '\'')) {
        loop {
            match chars.next()? {
                c if c == quote => return Some(text),
                '\\' if quote == '"' => text.push(escaped(chars.next()?)),
                c => text.push(c),
            }
        }
    }
    // What stands elsewhere is not put in here, and not taken for a text.
    if chars.peek().is_some_and(|c| "*&!".contains(*c)) {
        return None;
    }
    while let Some(c) = chars.peek().copied().filter(|c| !matches!(c, ',' | ']' | '}' | '[' | '{'))
    {
        let mut ahead = chars.clone();
        ahead.next();
        // The colon of a key is left for who wants a key.
        if c == ':' && ahead.peek().is_none_or(|next| next.is_whitespace() || ",]}".contains(*next))
        {
            break;
        }
        text.push(c);
        chars.next();
    }
    chars.peek().map(|_| text.trim_end().to_owned())
}

fn escaped(c: char) -> char {
    match c {
        'n' => '\n',
        't' => '\t',
        c => c,
    }
}

/// A scalar without its quotes.
fn unquoted(text: &str) -> String {
    match text.chars().next() {
        Some('"' | '\'') => {}
        _ => return text.to_owned(),
    }
    // As within brackets, where something must follow.
    let mut chars = text.chars().peekable();
    scalar(&mut chars).unwrap_or_else(|| text.to_owned())
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
            ("a:\n\tb: 1", "line 2 is indented by a tab"),
            ("a: [1, 2", "line 1: a bracket is not closed, or holds what is not understood"),
            ("a: {b: 1]", "line 1: a bracket is not closed, or holds what is not understood"),
            ("a: *b", "line 1: an alias of nothing"),
            ("a: [*b]", "line 1: a bracket is not closed, or holds what is not understood"),
            ("a: !reset []", "line 1: a tag"),
            ("just words", "line 1: it is neither a key nor an item"),
            ("  a: 1\n b: 2", "line 2 is indented like no other"),
        ] {
            assert_eq!(read(bad), Err(words.to_owned()), "{bad}");
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
