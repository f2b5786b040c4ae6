//! Metrics as text, in `OpenMetrics` 1.0 or in the format of Prometheus before it (0.0.4). Pure.

use std::fmt::Write as _;

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenMetrics` 1.0.
    Open,
    /// The text format of Prometheus, 0.0.4: of older scrapers, of `promtool` and of `node_exporter`'s text files.
    Plain,
}

impl Format {
    /// What a scraper accepts, as it says.
    #[must_use]
    pub fn accepted(accept: Option<&str>) -> Self {
        // Who knows OpenMetrics names it; nobody does who would rather have the other.
        let open = accept.is_some_and(|kinds| kinds.contains("application/openmetrics-text"));
        if open { Self::Open } else { Self::Plain }
    }

    /// The kind of an answer.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Open => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a family of metrics is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows; its samples end in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is always 1, and its labels say something; its sample ends in `_info`.
    Info,
}

impl Kind {
    fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            Self::Gauge => "",
        }
    }

    fn word(self, format: Format) -> &'static str {
        match (self, format) {
            (Self::Counter, _) => "counter",
            (Self::Info, Format::Open) => "info",
            (Self::Gauge | Self::Info, _) => "gauge",
        }
    }
}

/// Metrics that are being written.
#[derive(Debug)]
pub struct Text {
    out: String,
    format: Format,
    name: &'static str,
    kind: Kind,
}

/// What stands before every name.
const PREFIX: &str = "agentwatch_";

impl Text {
    /// Nothing yet.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { out: String::with_capacity(64 * 1024), format, name: "", kind: Kind::Gauge }
    }

    /// The samples that follow are of this family: its name without prefix and suffix, the unit in which the name
    /// ends, and what it is for people.
    pub fn family(&mut self, name: &'static str, kind: Kind, unit: &str, help: &str) {
        (self.name, self.kind) = (name, kind);
        // In the older format a family is called as its samples are.
        let full = match self.format {
            Format::Open => name.to_owned(),
            Format::Plain => format!("{name}{}", kind.suffix()),
        };
        let word = kind.word(self.format);
        let _ = writeln!(self.out, "# HELP {PREFIX}{full} {help}");
        let _ = writeln!(self.out, "# TYPE {PREFIX}{full} {word}");
        if self.format == Format::Open && !unit.is_empty() {
            let _ = writeln!(self.out, "# UNIT {PREFIX}{full} {unit}");
        }
    }

    /// A sample of the family.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.out, "{PREFIX}{}{}", self.name, self.kind.suffix());
        let mut before = '{';
        for (name, value) in labels {
            let _ = write!(self.out, "{before}{name}=\"");
            for c in value.chars() {
                match c {
                    '\\' => self.out.push_str("\\\\"),
                    '"' => self.out.push_str("\\\""),
                    '\n' => self.out.push_str("\\n"),
                    c => self.out.push(c),
                }
            }
            self.out.push('"');
            before = ',';
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.out, "{end} {value}");
    }

    /// All of it.
    #[must_use]
    pub fn end(mut self) -> String {
        if self.format == Format::Open {
            self.out.push_str("# EOF\n");
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> String {
        let mut text = Text::new(format);
        text.family("cost_usd", Kind::Counter, "usd", "What it cost.");
        text.sample(&[("agent", "a"), ("state_dir", "/a\\b\"c\nd")], 4.25);
        text.family("agents", Kind::Gauge, "", "Agents.");
        text.sample(&[], 1e15);
        text.family("build", Kind::Info, "", "Who speaks.");
        text.sample(&[("version", "1")], 1.0);
        text.end()
    }

    #[test]
    fn both_formats_name_the_same_samples_and_each_its_families_as_it_should() {
        let samples = "agentwatch_cost_usd_total{agent=\"a\",state_dir=\"/a\\\\b\\\"c\\nd\"} 4.25\n\
                       agentwatch_agents 1000000000000000\n\
                       agentwatch_build_info{version=\"1\"} 1\n";
        let of = |text: &str| -> String {
            let samples = text.lines().filter(|line| !line.starts_with('#'));
            samples.flat_map(|line| [line, "\n"]).collect()
        };
        let (open, plain) = (written(Format::Open), written(Format::Plain));
        assert_eq!((of(&open).as_str(), of(&plain).as_str()), (samples, samples));
        for line in [
            "# TYPE agentwatch_cost_usd counter",
            "# UNIT agentwatch_cost_usd usd",
            "# TYPE agentwatch_build info",
        ] {
            assert!(open.lines().any(|one| one == line), "{open}");
        }
        assert!(open.ends_with("\n# EOF\n") && !plain.contains("EOF"));
        for line in
            ["# TYPE agentwatch_cost_usd_total counter", "# TYPE agentwatch_build_info gauge"]
        {
            assert!(plain.lines().any(|one| one == line), "{plain}");
        }
    }

    #[test]
    fn who_knows_openmetrics_gets_it() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted(Some(prometheus)), Format::Open);
        assert_eq!(Format::accepted(Some("text/html,*/*;q=0.8")), Format::Plain);
        assert_eq!(Format::accepted(None), Format::Plain);
    }
}
