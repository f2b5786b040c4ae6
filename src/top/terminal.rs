//! The terminal that the view is drawn on: taken over, given back however we leave, and its size.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::sys::tty;

/// A picture is written in one go: half of one is not to be seen.
const PICTURE: usize = 64 * 1024;

/// No terminal is larger; what says so gets that much of it.
const SIZE_MAX: u16 = 1000;

/// A terminal that is ours until this is dropped.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    area: Rect,
}

impl Screen {
    /// Takes over the terminal at stdin and stdout. A panic gives it back before it is told.
    ///
    /// # Errors
    /// The system's: it is no terminal, or has gone.
    pub fn open() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let tells = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                give_back();
                tells(info);
            }));
        });
        take()?;
        let area = area();
        let backend = CrosstermBackend::new(BufWriter::with_capacity(PICTURE, io::stdout()));
        // Its size is asked of the kernel before each picture, by us: a terminal that does not know its
        // own has one of old.
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        let terminal = Terminal::with_options(backend, options).inspect_err(|_| give_back())?;
        Ok(Self { terminal, area })
    }

    /// Its size now.
    #[must_use]
    pub fn area(&self) -> Rect {
        area()
    }

    /// Draws a picture; only what is another than in the last one is written.
    ///
    /// # Errors
    /// The system's: the terminal has gone.
    pub fn draw(&mut self, paint: impl FnOnce(Rect, &mut Buffer)) -> io::Result<()> {
        let area = area();
        if self.area != area {
            self.area = area;
            self.terminal.resize(area)?;
        }
        self.terminal.draw(|frame| paint(frame.area(), frame.buffer_mut())).map(|_| ())
    }

    /// Forgets what was drawn: the next picture is written whole.
    ///
    /// # Errors
    /// As [`Self::draw`].
    pub fn redraw(&mut self) -> io::Result<()> {
        self.terminal.resize(self.area)
    }

    /// Gives the terminal back for a while.
    pub fn leave(&mut self) {
        give_back();
    }

    /// Takes it over again, whatever was done to it meanwhile.
    ///
    /// # Errors
    /// As [`Self::draw`].
    pub fn enter(&mut self) -> io::Result<()> {
        // Somebody may have set it otherwise while the library believes that it is as it left it.
        let _ = disable_raw_mode();
        take()?;
        self.redraw()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn area() -> Rect {
    let (columns, lines) = tty::size(1).unwrap_or((80, 24));
    Rect::new(0, 0, columns.min(SIZE_MAX), lines.min(SIZE_MAX))
}

/// Whether the terminal is ours. To give it back twice would put the cursor back to where it was before
/// something was said in between.
static TAKEN: AtomicBool = AtomicBool::new(false);

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::Relaxed);
    execute!(io::stdout(), EnterAlternateScreen, Hide).inspect_err(|_| give_back())
}

/// As it was. On a terminal that has gone there is nothing left to do.
fn give_back() {
    if !TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(out, Show, LeaveAlternateScreen);
    let _ = out.flush();
    let _ = disable_raw_mode();
}
