//! A process of agentwatch's that listens, and clients of every kind.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::harness::{DEADLINE, Run, World, until};

/// A listener of a world, and where it listens.
pub struct Listener {
    pub run: Run,
    pub address: String,
}

impl Listener {
    /// `agentwatch` with these arguments; `${TOKEN}` is its token.
    pub fn new(world: &World, args: &[&str]) -> Self {
        let mut command = world.command(args);
        command.env("TOKEN", "0123456789abcdef-token");
        let run = world.spawn(command);
        let address = until("its address", || {
            let said = run.stderr();
            let (_, behind) = said.split_once("http://")?;
            Some(behind.split_once([' ', '/'])?.0.to_owned())
        });
        Self { run, address }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Sends these bytes; gives all of the answer.
    pub fn raw(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The same; gives the code and the body.
    pub fn send(&self, request: &str) -> (u16, String) {
        let answer = self.raw(request);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        (code.unwrap_or_default(), body.to_owned())
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address))
    }

    pub fn post(&self, path: &str, headers: &str, body: &str) -> (u16, String) {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        ))
    }
}
