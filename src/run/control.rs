//! Commands for a running agentwatch: read, told to the core, answered. Bounded, and waits for nobody.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::core::event::Event;
use crate::sys::pending::{self, ReadResult};
use crate::sys::runtime;
use crate::sys::socket::{self, Listener};
use crate::wire::control::{Answer, LINE_MAX, Request, answer, is_ping, read_request, write};

use super::Shell;

/// Clients at one time; one more takes the place of the one that has been silent longest.
const CLIENTS_MAX: usize = 8;

/// The socket and whoever is connected.
#[derive(Debug)]
pub struct Control {
    listener: Listener,
    clients: Vec<Client>,
    /// Whoever waits there cannot be let in: asked again whenever agentwatch is awake, since a descriptor
    /// comes free by what we do. To wait for it would be never to sleep.
    full: bool,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    line: Vec<u8>,
}

/// What a client has sent so far.
enum Sent {
    Part,
    Line,
    Nothing,
}

impl Control {
    /// What to poll for reading.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let clients = self.clients.iter().map(|client| client.stream.as_fd());
        let listener = (!self.full).then(|| self.listener.fd());
        listener.into_iter().chain(clients)
    }

    /// The whole lines that have come, each with whom to answer.
    fn take(&mut self) -> Vec<Client> {
        self.full = loop {
            match self.listener.accept() {
                Ok(Some(stream)) => {
                    if self.clients.len() == CLIENTS_MAX {
                        self.clients.remove(0);
                    }
                    self.clients.push(Client { stream, line: Vec::new() });
                }
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let mut whole = Vec::new();
        for mut client in std::mem::take(&mut self.clients) {
            match client.read() {
                Sent::Part => self.clients.push(client),
                Sent::Line => whole.push(client),
                Sent::Nothing => {}
            }
        }
        whole
    }
}

impl Client {
    fn read(&mut self) -> Sent {
        let mut buffer = [0; 512];
        loop {
            match pending::read(&self.stream, &mut buffer) {
                ReadResult::Data(n) => self.line.extend_from_slice(&buffer[..n]),
                ReadResult::Empty => return Sent::Part,
                ReadResult::End | ReadResult::Failed(_) => return Sent::Nothing,
            }
            if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                self.line.truncate(end);
                return Sent::Line;
            }
            if LINE_MAX < self.line.len() {
                return Sent::Nothing;
            }
        }
    }

    /// An answer fits into the buffer of a socket; who does not take it goes without.
    fn answer(mut self, answer: &Answer) {
        if let Ok(line) = write(answer) {
            let _ = self.stream.write_all(&line);
        }
    }
}

impl Shell {
    /// Where the socket of this agent is.
    pub(super) fn control_path(&self) -> PathBuf {
        runtime::dir().join(format!("{}.sock", socket::short_name(self.paths.dir())))
    }

    /// Opens the socket. Without it the agent is supervised all the same, and that is said.
    pub(super) fn open_control(&mut self) {
        let path = self.control_path();
        match Listener::bind(&path) {
            Ok(listener) => {
                self.control = Some(Control { listener, clients: Vec::new(), full: false });
            }
            Err(error) => {
                self.identity.control = None;
                self.is_unsaved(false);
                let path = path.display();
                self.say_plain(&format!("no control socket, so no commands: {path}: {error}"));
            }
        }
    }

    /// Answers whoever has asked something.
    pub(super) fn serve_control(&mut self) -> ControlFlow<u8> {
        let asked = |control: &Control| control.full || control.fds().any(|fd| self.is_ready(fd));
        if !self.control.as_ref().is_some_and(asked) {
            return ControlFlow::Continue(());
        }
        let Some(control) = &mut self.control else { return ControlFlow::Continue(()) };
        for client in control.take() {
            if is_ping(&client.line) {
                let words = format!("{} is supervised", self.identity.name);
                client.answer(&Answer { ok: true, words, leaves: false });
                continue;
            }
            let request = match read_request(&client.line) {
                Ok(request) => request,
                Err(words) => {
                    client.answer(&Answer { ok: false, words, leaves: false });
                    continue;
                }
            };
            let Some(command) = request.command() else {
                client.answer(&self.beat_by_command(&request));
                continue;
            };
            self.step(Event::Command(command));
            let performed = self.perform_all();
            // What it led to is told also by one who leaves with it.
            if let Some(reply) = self.reply.take() {
                let pid = self.child.map(|child| child.pid);
                client.answer(&answer(&self.identity.name, reply, pid));
            }
            performed?;
        }
        ControlFlow::Continue(())
    }

    fn beat_by_command(&mut self, request: &Request) -> Answer {
        let taken = match request {
            Request::Beat { incarnation, line } => self.take_beat(*incarnation, line),
            Request::Resume { .. }
            | Request::Restart { .. }
            | Request::Stop { .. }
            | Request::Pause
            | Request::Ack
            | Request::Snooze { .. } => Err("that is no beat".to_owned()),
        };
        let ok = taken.is_ok();
        Answer { ok, words: taken.unwrap_or_else(|words| words), leaves: false }
    }
}
