//! Reads the stdout of one incarnation by presets: recognises whose it is, and turns its lines into beats.

use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;

use crate::wire::beat::{self, Parsed};
use crate::wire::lines::Line;
use crate::wire::preset::path::{Plan, Slot};
use crate::wire::preset::text::TextScan;

use super::{Context, JsonPlan, Lines, Preset, Told, When};

/// So many candidates are looked at closely until an agent is recognised; behind them only what begins as
/// the streams of agents do. Who tells of its usage at all does so sooner.
pub const LOOKED_MAX: u32 = 1_000;

/// The longest first line of a stream, in bytes: that of Claude Code names all of its tools and commands.
const BEGIN_MAX: usize = 32 * 1024;

/// How streams of agents begin, each of them.
const TYPED: &[u8] = b"{\"type\":";

static TYPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"type\""));
static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("usage"));

/// All presets that may be recognised.
#[derive(Debug)]
pub struct Catalog {
    presets: Vec<Arc<Preset>>,
    /// What recognises all of them in one pass, by place in `presets`.
    plan: Plan,
    rows: Vec<(usize, When)>,
    /// Somebody added presets whose lines may look like anything.
    any_line: bool,
}

impl Catalog {
    /// Presets in the order in which they are asked, each with what it is recognised by; `any_line` says
    /// that their lines may lack `type` and `usage`.
    #[must_use]
    pub fn new(
        presets: Vec<Arc<Preset>>,
        plan: Plan,
        rows: Vec<(usize, When)>,
        any_line: bool,
    ) -> Self {
        Self { presets, plan, rows, any_line }
    }

    /// The preset of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Preset>> {
        self.presets.iter().find(|preset| preset.name == name)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.presets.iter().map(|preset| preset.name.as_str())
    }

    /// All presets, as they are asked.
    #[must_use]
    pub fn presets(&self) -> &[Arc<Preset>] {
        &self.presets
    }

    fn recognise(&self, line: &str) -> Option<&Arc<Preset>> {
        let got = self.plan.follow(line)?;
        let (at, _) = self.rows.iter().find(|(_, when)| when.fits(&got))?;
        self.presets.get(*at)
    }
}

/// Which preset reads an agent's output.
#[derive(Clone, Debug, Default)]
pub enum Choice {
    /// None does.
    None,
    /// Whichever recognises it, of these or else of those that come with agentwatch.
    #[default]
    Auto,
    /// The same with presets of the user's own.
    AutoOf(Arc<Catalog>),
    /// That one.
    Named(Arc<Preset>),
}

/// What a reader made of a line.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// A beat, of whatever kind.
    Beat(Box<crate::core::beat::Beat>),
    /// Meant as a beat, or as figures, and wrong.
    Bad(String),
    /// A line of an agent that says no more than that it lives.
    Alive,
    /// From here on its output is read by that preset.
    Recognised(Arc<Preset>),
}

impl PartialEq for Preset {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The reader of one stream. It outlives no incarnation.
#[derive(Debug)]
pub struct Reader {
    choice: Choice,
    /// Those that come with agentwatch, read when a line is worth it: most agents print none.
    builtin: fn() -> Arc<Catalog>,
    current: Option<Arc<Preset>>,
    context: Context,
    looked: u32,
    text: TextScan,
}

impl Reader {
    /// A reader at the start of a stream; `builtin` gives the presets that come with agentwatch.
    #[must_use]
    pub fn new(choice: Choice, builtin: fn() -> Arc<Catalog>) -> Self {
        let text = match &choice {
            Choice::None => TextScan::Off,
            Choice::Auto | Choice::AutoOf(_) => TextScan::looking(),
            Choice::Named(preset) => match &preset.lines {
                Lines::Text(_) => TextScan::on(Arc::clone(preset)),
                Lines::Json(_) => TextScan::Off,
            },
        };
        let context = Context::default();
        Self { choice, builtin, current: None, context, looked: 0, text }
    }

    /// Takes a line that may be a beat.
    pub fn line(&mut self, line: Line<'_>, on: &mut impl FnMut(Heard)) {
        let named = match (&self.current, &self.choice) {
            (None, Choice::Named(preset)) => Some(Arc::clone(preset)),
            (current, _) => current.clone(),
        };
        if let Some(preset) = &named
            && let Lines::Json(plan) = &preset.lines
            && plan.typed.is_some()
            && self.own(preset, plan, line, on)
        {
            return;
        }
        let bytes = match line {
            Line::Whole(bytes) => bytes,
            Line::TooLong { start } => return plain(beat::too_long(start), on),
        };
        match beat::parse(bytes) {
            // What its agent says itself is what it means.
            Parsed::Stranger => {}
            parsed => return plain(parsed, on),
        }
        if let Some(preset) = named
            && let Lines::Json(plan) = &preset.lines
            && plan.typed.is_none()
        {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            let told = plan.read(text, &mut self.context);
            if told != Told::Nothing {
                self.begin(&preset, on);
                return tell(told, on);
            }
        }
        self.recognise(bytes, on);
    }

    /// Looks at output as it comes, for agents that print text. Costs nothing where none was recognised.
    pub fn bytes(&mut self, bytes: &[u8], on: &mut impl FnMut(Heard)) {
        // Nothing is no sign of life, and no proof that the named agent runs.
        if bytes.is_empty()
            || self.text.is_off()
            || self.current.as_ref().is_some_and(|one| is_json(one))
        {
            return;
        }
        let Self { text, choice, builtin, .. } = self;
        let (choice, builtin) = (&*choice, *builtin);
        let load = || match choice {
            Choice::AutoOf(catalog) => Arc::clone(catalog),
            Choice::None | Choice::Auto | Choice::Named(_) => builtin(),
        };
        let mut heard = Vec::new();
        text.feed(bytes, load, &mut |told| heard.push(told));
        for (preset, told) in heard {
            self.begin(&preset, on);
            tell(told, on);
        }
    }

    /// Reads a line of a stream that is known; false if it is none of it.
    fn own(
        &mut self,
        preset: &Arc<Preset>,
        plan: &JsonPlan,
        line: Line<'_>,
        on: &mut impl FnMut(Heard),
    ) -> bool {
        let known = self.current.is_some();
        let told = match line {
            // Whatever it says, its agent said it.
            Line::TooLong { start } if known && TYPE.find(start).is_some() => Told::Alive,
            Line::TooLong { .. } => Told::Nothing,
            Line::Whole(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => plan.read(text, &mut self.context),
                Err(_) => Told::Nothing,
            },
        };
        let bytes = match line {
            Line::Whole(bytes) => bytes,
            Line::TooLong { start } => start,
        };
        match told {
            // Torn by a kill, or spoilt by another process; it is its agent's all the same.
            Told::Nothing if known && bytes.starts_with(TYPED) => on(Heard::Alive),
            Told::Nothing => return false,
            // Of another agent that the same script runs, maybe.
            Told::Alive if known && self.is_another(preset, bytes, on) => {}
            told => {
                self.begin(preset, on);
                tell(told, on);
            }
        }
        true
    }

    /// Whether a line that says nothing to this preset is how another stream begins, and takes it if so.
    fn is_another(&mut self, preset: &Preset, bytes: &[u8], on: &mut impl FnMut(Heard)) -> bool {
        let catalog = match &self.choice {
            Choice::Auto => (self.builtin)(),
            Choice::AutoOf(catalog) => Arc::clone(catalog),
            Choice::None | Choice::Named(_) => return false,
        };
        // Streams begin with short lines; the long ones need not be read twice.
        let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= BEGIN_MAX)
        else {
            return false;
        };
        let Some(other) = catalog.recognise(text).filter(|other| other.name != preset.name) else {
            return false;
        };
        let Lines::Json(plan) = &other.lines else { return false };
        if plan.typed.is_none() {
            return false;
        }
        self.context = Context::default();
        let told = plan.read(text, &mut self.context);
        let other = Arc::clone(other);
        self.begin(&other, on);
        tell(told, on);
        true
    }

    /// Looks whose a line is, where nobody has said or seen it yet.
    fn recognise(&mut self, bytes: &[u8], on: &mut impl FnMut(Heard)) {
        let known = match (&self.choice, &self.current) {
            (Choice::None | Choice::Named(_), _) => return,
            (Choice::Auto | Choice::AutoOf(_), current) => current.is_some(),
        };
        let typed = bytes.starts_with(TYPED);
        if !typed {
            if known || LOOKED_MAX <= self.looked {
                return;
            }
            self.looked += 1;
            let any = matches!(&self.choice, Choice::AutoOf(catalog) if catalog.any_line);
            if !any && TYPE.find(bytes).is_none() && USAGE.find(bytes).is_none() {
                return;
            }
        }
        let catalog = match &self.choice {
            Choice::AutoOf(catalog) => Arc::clone(catalog),
            Choice::None | Choice::Auto | Choice::Named(_) => (self.builtin)(),
        };
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let Some(preset) = catalog.recognise(text) else { return };
        let Lines::Json(plan) = &preset.lines else { return };
        // A usage line of somebody else tells nothing about an agent that is known.
        if known && plan.typed.is_none() {
            return;
        }
        let told = plan.read(text, &mut self.context);
        self.begin(preset, on);
        tell(told, on);
    }

    fn begin(&mut self, preset: &Arc<Preset>, on: &mut impl FnMut(Heard)) {
        if self.current.as_ref() != Some(preset) {
            self.current = Some(Arc::clone(preset));
            if is_json(preset) {
                self.text = TextScan::Off;
            }
            on(Heard::Recognised(Arc::clone(preset)));
        }
    }
}

fn is_json(preset: &Preset) -> bool {
    matches!(preset.lines, Lines::Json(_))
}

fn tell(told: Told, on: &mut impl FnMut(Heard)) {
    match told {
        Told::Nothing => {}
        Told::Alive => on(Heard::Alive),
        Told::Beat(beat, bad) => {
            on(Heard::Beat(beat));
            if let Some(reason) = bad {
                on(Heard::Bad(reason.to_string()));
            }
        }
    }
}

fn plain(parsed: Parsed, on: &mut impl FnMut(Heard)) {
    match parsed {
        Parsed::Beat(beat) => on(Heard::Beat(beat)),
        Parsed::Bad(reason) => on(Heard::Bad(reason.to_string())),
        Parsed::Stranger => {}
    }
}

/// A plan that recognises many presets at once, made from the conditions of each.
#[derive(Debug, Default)]
pub struct Recognition {
    /// All their paths.
    pub plan: Plan,
    /// Their conditions, by place of the preset.
    pub rows: Vec<(usize, When)>,
}

impl Recognition {
    /// The slot of a path.
    ///
    /// # Errors
    /// Those of [`Plan::add`].
    pub fn slot(&mut self, path: &str) -> Result<Slot, String> {
        self.plan.add(path)
    }
}
