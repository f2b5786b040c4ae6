//! One turn: sleep, reap, read, judge, act. The order is the contract (SPEC rule 6).

use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use anyhow::Context as _;

use crate::core::ending::Ending;
use crate::core::event::{Event, Last, Traces};
use crate::core::notice::Notice;
use crate::core::settings::Policy;
use crate::core::signal::{Request, Signal};
use crate::core::time::When;
use crate::sys::oom::OomWatch;
use crate::sys::poll::{self, Interest};
use crate::sys::reap::{self, Ended};
use crate::sys::signals::{self, Caught};
use crate::sys::tty;
use crate::wire::last::{self, Numbered};
use crate::wire::mask::mask_lines;
use crate::wire::preset::reader::Heard;

use super::Shell;
use super::child::{OLD_SOURCES_MAX, Running, Source, Stream};
use super::control::Control;
use super::forward::{Flow, Forward};
use super::outer::Above;
use super::reading;
use super::roads::Roads;
use super::tail::KEEP;

impl Shell {
    /// One turn; breaks with the exit code.
    pub(super) fn turn(&mut self) -> anyhow::Result<ControlFlow<u8>> {
        self.sleep()?;
        self.now = self.clock.now();
        if let Some(log) = &mut self.log {
            log.set_now(self.now.up);
        }
        let signals =
            if self.is_ready(self.signals.fd()) { self.signals.take() } else { Vec::new() };
        // Reap before reading: what the dead wrote is in the pipe by now, so that their last beat is
        // heard before their exit, and both before silence is judged.
        if self.unreaped || signals.iter().any(|caught| caught.signal == signals::CHLD) {
            self.reap()?;
        }
        self.out.flush();
        self.err.flush();
        // False while our own stdout is blocked: then silence is ours.
        let due = self.is_due();
        let drained = self.read_sources(due);
        self.read_roads(due);
        self.read_helpers();
        self.read_courier();
        self.tell_lost_readers();
        self.tell_log();
        self.tell_prices();
        for caught in signals.into_iter().filter(|caught| caught.signal != signals::CHLD) {
            self.tell_signal(caught);
        }
        for ended in std::mem::take(&mut self.endings) {
            self.tell_end(&ended);
        }
        self.step(Event::Tick { drained });
        if let ControlFlow::Break(code) = self.perform_all() {
            return Ok(ControlFlow::Break(code));
        }
        self.tell_leaving();
        let flow = self.serve_control();
        self.tell_above();
        Ok(flow)
    }

    /// Sleeps until something happens or is due; before that, what could wait is done.
    fn sleep(&mut self) -> anyhow::Result<()> {
        if self.has_chores() {
            let urgent = self.wait(Some(self.patience()), None)?;
            self.do_chores(!urgent);
            if urgent {
                return Ok(());
            }
        }
        let mut boot = None;
        let timeout = match self.supervisor.deadline() {
            _ if self.unreaped || !self.endings.is_empty() || !self.effects.is_empty() => {
                Some(Duration::ZERO)
            }
            None => None,
            Some((when, _)) => {
                let now = self.clock.now();
                let wait = when.wait(&now);
                if matches!(when, When::Boot(_)) {
                    boot = Some(wait);
                }
                Some(wait)
            }
        };
        let timeout = self.sooner_for_above(timeout);
        self.wait(timeout, boot).map(drop)
    }

    /// A supervisor above us may want to be told something before that.
    fn sooner_for_above(&mut self, timeout: Option<Duration>) -> Option<Duration> {
        let Some(at) = self.above.as_ref().and_then(Above::deadline) else { return timeout };
        let wait = at.since(self.clock.now().up);
        Some(timeout.map_or(wait, |timeout| timeout.min(wait)))
    }

    /// Waits until something happens or the time is over; `boot` runs on in suspend. True if something did.
    fn wait(&mut self, timeout: Option<Duration>, boot: Option<Duration>) -> anyhow::Result<bool> {
        let mut fds = vec![Interest::read(self.signals.fd())];
        // A wait that runs on in suspend needs a timer that does, too. Without a descriptor left for it the
        // time of the poll has to do: what comes late after a suspend is better than nobody who waits.
        if let Some(wait) = boot {
            fds.extend(self.boot_timer.after(wait).ok().flatten().map(Interest::read));
        }
        let (out, err) = (&self.out, &self.err);
        let heard = self.sources.iter().filter(|source| match source.stream {
            Stream::Out => !out.blocked(),
            Stream::Err => !err.blocked(),
        });
        fds.extend(heard.filter_map(Source::fd).map(|fd| Interest::read(fd.as_fd())));
        fds.extend(self.helpers.fds().map(|fd| Interest::read(fd.as_fd())));
        fds.extend(self.letters.fds().map(|fd| Interest::read(fd.as_fd())));
        fds.extend(self.roads.iter().flat_map(Roads::fds).map(Interest::read));
        fds.extend(self.control.iter().flat_map(Control::fds).map(Interest::read));
        let wanted = [&self.out, &self.err].into_iter().filter_map(Forward::wanted);
        fds.extend(wanted.map(Interest::write));
        poll::wait(&mut fds, timeout).context("cannot poll")?;
        self.ready.clear();
        let readable = fds.iter().filter(|interest| interest.ready.readable);
        self.ready.extend(readable.map(|interest| interest.fd.as_raw_fd()));
        Ok(fds.iter().any(|interest| interest.ready.readable || interest.ready.writable))
    }

    /// Whether something is there to be read, as far as the last wait knows.
    pub(super) fn is_ready(&self, fd: BorrowedFd<'_>) -> bool {
        self.ready.contains(&fd.as_raw_fd())
    }

    /// Whether something is judged in this turn: then nothing that can be read may be left unread.
    fn is_due(&self) -> bool {
        self.supervisor.deadline().is_some_and(|(when, _)| when.wait(&self.now).is_zero())
    }

    fn tell_signal(&mut self, caught: Caught) {
        let signal = caught.signal;
        let request = signals::request(signal);
        self.stop_seen |= request == Request::Stop;
        if signal == Signal::INT && caught.by_kernel && tty::is_terminal(2) {
            self.err.echoed();
        }
        let shares = self.child.is_some_and(|child| child.shares_group);
        let for_us_alone = request == Request::Hangup && tty::leads_session();
        let reached_child = caught.by_kernel && shares && !for_us_alone;
        self.step(Event::Signal { signal, request, reached_child });
    }

    fn tell_end(&mut self, ended: &Ended) {
        if self.tell_helper_end(ended) || self.tell_courier_end(ended.pid) {
            return;
        }
        // Others are orphans that were re-parented to us: reaped, and that is all.
        let Some(child) = self.child.take_if(|child| child.pid == ended.pid) else { return };
        let incarnation = child.incarnation;
        let badly = matches!(ended.ending, Ending::Signal { .. });
        if let Some(own) = self.own.as_mut().filter(|own| own.incarnation == incarnation) {
            own.note_end(badly);
        }
        // Of a clean exit too: a kill that nobody looked for would be told of the next incarnation.
        let oom = self.oom.as_mut().and_then(OomWatch::since);
        let out = last::without_beats(self.last_lines(incarnation, Stream::Out));
        let err = self.last_lines(incarnation, Stream::Err);
        let line = last::telling(&out, &err);
        let output = last::together(out, err, KEEP);
        let last = Last { line, traces: Traces { output, oom, spent: Some(ended.spent) } };
        self.step(Event::Exited { incarnation, ending: ended.ending, last });
    }

    /// Collects who ended; told to the core later in the turn, or in the next one.
    pub(super) fn reap(&mut self) -> anyhow::Result<()> {
        let reaped = reap::reap().context("cannot wait for children")?;
        self.endings.extend(reaped.ended);
        self.unreaped = reaped.more;
        self.childless = reaped.childless;
        Ok(())
    }

    /// Reads what the agent said and tells the core what was heard; false if its beats could not be.
    ///
    /// Of a child whose end is about to be told all is read, even if our reader is blocked: what it said
    /// last may be that it is finished.
    pub(super) fn read_sources(&mut self, all: bool) -> bool {
        let mut drained = true;
        let ended = |child: &Running| self.endings.iter().any(|ended| ended.pid == child.pid);
        let ended = self.child.filter(ended).map(|child| child.incarnation);
        let counts_output = self.plan.resolved.source.counts_output();
        let (mut heard, mut recognised) = (Vec::new(), Vec::new());
        let mut sources = std::mem::take(&mut self.sources);
        let ready = &self.ready;
        sources.retain_mut(|source| {
            let forward = match source.stream {
                Stream::Out => &mut self.out,
                Stream::Err => &mut self.err,
            };
            let incarnation = source.incarnation;
            // Those of before it come first, or the order of their bytes would change.
            let last = ended.is_some_and(|ended| incarnation <= ended);
            let ready = |fd: &OwnedFd| ready.contains(&fd.as_raw_fd());
            let who = (incarnation, source.stream);
            let number = self.spoke.1 + u64::from(self.spoke.0 != who);
            source.set_number(number);
            let open = if all || last || source.fd().is_some_and(ready) {
                source.read(&mut self.buffer, forward, &mut self.log, &mut heard, last)
            } else {
                source.fd().is_some()
            };
            drained &= !(source.scanned() && forward.blocked());
            for heard in heard.drain(..) {
                let event = match heard {
                    Heard::Beat(mut beat) => {
                        self.prices.price(self.now.up, &mut beat);
                        Event::Beat { incarnation, beat }
                    }
                    Heard::Bad(reason) => Event::BadBeat { incarnation, reason },
                    Heard::Alive => Event::Notice { incarnation, notice: Notice::Output },
                    Heard::Recognised(preset) => {
                        recognised.push(preset.clone());
                        let choice = &self.plan.resolved.preset;
                        reading::event(incarnation, &preset, choice, &self.plan.resolved)
                    }
                };
                let mut out = Vec::new();
                self.supervisor.step(self.now, event, &mut out);
                self.effects.extend(out);
            }
            let said = source.take_said();
            if said {
                self.spoke = (who, number);
            }
            if said && counts_output {
                let notice = Notice::Output;
                let mut out = Vec::new();
                self.supervisor.step(self.now, Event::Notice { incarnation, notice }, &mut out);
                self.effects.extend(out);
            }
            // The tail of a child that runs is still wanted when it has closed its end.
            open || self.child.as_ref().is_some_and(|child| child.incarnation == incarnation)
        });
        let surplus = sources.len().saturating_sub(OLD_SOURCES_MAX);
        sources.drain(..surplus);
        self.sources = sources;
        self.note_preset(recognised.last());
        drained
    }

    /// Says once that nobody takes our output any more. The agent is not to suffer from it and is still
    /// heard; but where agentwatch is a plain wrapper, it sees what it would see without us.
    fn tell_lost_readers(&mut self) {
        let wrapper = self.supervisor.settings().policy == Policy::Never;
        for (stream, name) in [(Stream::Out, "stdout"), (Stream::Err, "stderr")] {
            let forward = match stream {
                Stream::Out => &mut self.out,
                Stream::Err => &mut self.err,
            };
            let words = match forward.news() {
                None | Some(Flow::Open) => continue,
                Some(Flow::Gone) if wrapper => {
                    // Closing our end is what makes its next write fail.
                    self.sources.retain(|source| source.stream != stream);
                    continue;
                }
                Some(Flow::Gone) => "nobody reads it any more".to_owned(),
                Some(Flow::Closed) => "it was closed at start".to_owned(),
                Some(Flow::Failed(error)) => error,
            };
            self.say_plain(&format!("{name}: {words}; output is dropped, beats are still heard"));
        }
    }

    /// The last lines of an incarnation on a stream. Neither journal nor state nor letters are to keep what
    /// somebody printed by mistake.
    fn last_lines(&self, incarnation: u32, stream: Stream) -> Vec<Numbered> {
        let mut sources = self.sources.iter();
        let said = sources.find(|one| one.incarnation == incarnation && one.stream == stream);
        let mut lines = said.map(Source::last_lines).unwrap_or_default();
        mask_lines(&mut lines, |(_, line)| line);
        lines
    }

    /// Lets the last output out before leaving: as long as it takes, unless somebody asked to stop.
    pub(super) fn drain(&mut self) {
        /// A reader that is slower than this has had its time once a stop was asked for.
        const STOP_WAIT: Duration = Duration::from_secs(2);
        let begin = self.clock.now().up;
        let blocked = |shell: &Self| shell.out.blocked() || shell.err.blocked();
        loop {
            self.out.flush();
            self.err.flush();
            // Only a reading that was never held up has read all that was there.
            if !blocked(self) {
                self.read_sources(true);
                if !blocked(self) {
                    break;
                }
            }
            let waited = self.clock.now().up.since(begin);
            let patience = self.stop_seen.then(|| STOP_WAIT.saturating_sub(waited));
            if patience == Some(Duration::ZERO) {
                break;
            }
            let mut fds = vec![Interest::read(self.signals.fd())];
            let full = [&self.out, &self.err].into_iter().filter_map(Forward::wanted);
            fds.extend(full.map(Interest::write));
            if poll::wait(&mut fds, patience).is_err() {
                break;
            }
            let asked = |caught: &Caught| signals::request(caught.signal) == Request::Stop;
            self.stop_seen |= self.signals.take().iter().any(asked);
        }
    }
}
