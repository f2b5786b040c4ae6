//! Servers on loopback for sinks: HTTP, with TLS or without, and SMTP; they answer well, badly, or not at all.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a server does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Hears the request and says this.
    Say(&'static str),
    /// Hears it and says nothing for a long time.
    Hang,
    /// Says this a byte at a time, so that no read waits for long and the whole never ends.
    Drip(&'static str),
    /// Says this, and then the same bytes again and again for as long as they are taken.
    Pour(&'static str, &'static str),
    /// Closes at once.
    Close,
}

pub const OK: Act = Act::Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
pub const BUSY: Act =
    Act::Say("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");

/// Longer than any test waits for.
const LONG: Duration = Duration::from_mins(2);

/// What was asked of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    pub key: String,
    pub body: String,
    pub at: Instant,
}

/// A server that does these things, the last of them again and again.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub fn new(acts: &[Act]) -> Self {
        Self::at("127.0.0.1:0", acts)
    }

    pub fn at(address: &str, acts: &[Act]) -> Self {
        Self::start("http", address, acts, |mut stream, act, heard| hear(&mut stream, act, heard))
    }

    /// One behind TLS, whose certificate is signed by `tls/ca.pem` and by nobody else.
    pub fn tls(acts: &[Act]) -> Self {
        Self::start("https", "127.0.0.1:0", acts, |stream, act, heard| {
            hear(&mut secured(stream), act, heard);
        })
    }

    fn start<S>(scheme: &str, address: &str, acts: &[Act], serve: S) -> Self
    where
        S: Fn(TcpStream, Act, &Mutex<Vec<Asked>>) + Clone + Send + 'static,
    {
        let listener = TcpListener::bind(address).unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let mut acts: VecDeque<Act> = acts.iter().copied().collect();
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let act = if acts.len() > 1 { acts.pop_front() } else { acts.front().copied() };
                let (heard, serve) = (Arc::clone(&heard), serve.clone());
                std::thread::spawn(move || serve(stream, act.unwrap(), &heard));
            }
        });
        Self { url, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A file of `tests/it/tls`.
pub fn tls_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls").join(name)
}

/// The server's side of TLS over a connection.
pub fn secured(stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    let chain = CertificateDer::from_pem_file(tls_file("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(tls_file("key.pem")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![chain], key).unwrap();
    StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream)
}

/// Hears one request of HTTP and does what it should.
fn hear(stream: &mut (impl Read + Write), act: Act, all: &Mutex<Vec<Asked>>) {
    if act == Act::Close {
        return;
    }
    let Some((head, body)) = request(stream) else { return };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let key = header(&head, "idempotency-key").unwrap_or_default().to_owned();
    all.lock().unwrap().push(Asked { path, key, body, at: Instant::now() });
    say(stream, act);
}

/// Says what it should, well or badly.
pub fn say(stream: &mut impl Write, act: Act) {
    match act {
        Act::Say(text) => {
            let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
        }
        Act::Hang => std::thread::sleep(LONG),
        Act::Drip(text) => {
            let end = Instant::now() + LONG;
            for byte in text.bytes().cycle() {
                if stream.write_all(&[byte]).and_then(|()| stream.flush()).is_err()
                    || end < Instant::now()
                {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Act::Pour(begin, again) => {
            let much = again.repeat(64 * 1024 / again.len());
            let _ = stream.write_all(begin.as_bytes());
            while stream.write_all(much.as_bytes()).is_ok() {}
        }
        Act::Close => {}
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// The head and the body of a request.
fn request(stream: &mut impl Read) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(byte(stream).ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8_lossy(&body).into_owned()))
}

fn byte(stream: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte).map(|()| byte[0])
}

/// What a mail server says at one point of its dialogue, and how it goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// Instead of its greeting.
    pub greeting: Option<Act>,
    /// To RCPT.
    pub recipient: Option<Act>,
    /// When the mail has been sent.
    pub data: Option<Act>,
    /// It offers STARTTLS; true: it begins with TLS.
    pub tls: Option<bool>,
}

/// A mail server.
pub struct PostOffice {
    pub address: String,
    mails: Arc<Mutex<Vec<String>>>,
    said: Arc<Mutex<String>>,
}

impl PostOffice {
    pub fn new(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (mails, said): (Arc<Mutex<Vec<String>>>, Arc<Mutex<String>>) = <_>::default();
        let (kept, heard) = (Arc::clone(&mails), Arc::clone(&said));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, heard) = (Arc::clone(&kept), Arc::clone(&heard));
                std::thread::spawn(move || match manners.tls {
                    Some(true) => {
                        let _ = dialogue(&mut secured(stream), manners, false, &kept, &heard);
                    }
                    offers => {
                        let mut stream = stream;
                        let begin = dialogue(&mut stream, manners, offers.is_some(), &kept, &heard);
                        if begin == Some(true) {
                            let greeted = Manners { greeting: Some(Act::Say("")), ..manners };
                            let _ = dialogue(&mut secured(stream), greeted, false, &kept, &heard);
                        }
                    }
                });
            }
        });
        Self { address, mails, said }
    }

    /// The mails that were taken, whole.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }

    /// All commands that were heard.
    pub fn heard(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

/// Speaks SMTP until the client leaves; true if it goes on with TLS, none if the client was left.
fn dialogue(
    stream: &mut (impl Read + Write),
    manners: Manners,
    offers_tls: bool,
    mails: &Mutex<Vec<String>>,
    heard: &Mutex<String>,
) -> Option<bool> {
    let answer = |stream: &mut _, act: Option<Act>, usual: &'static str| {
        say(stream, act.unwrap_or(Act::Say(usual)));
        matches!(act, None | Some(Act::Say(_))).then_some(())
    };
    answer(stream, manners.greeting, "220 post office\r\n")?;
    loop {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            line.push(char::from(byte(stream).ok()?));
        }
        heard.lock().unwrap().push_str(&line);
        let word = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "EHLO" if offers_tls => {
                answer(stream, None, "250-post office\r\n250-STARTTLS\r\n250 8BITMIME\r\n")?;
            }
            "EHLO" => {
                answer(stream, None, "250-post office\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n")?;
            }
            "STARTTLS" => {
                answer(stream, None, "220 go on\r\n")?;
                return Some(true);
            }
            "AUTH" => answer(stream, None, "235 it is you\r\n")?,
            "RCPT" => answer(stream, manners.recipient, "250 well\r\n")?,
            "DATA" => {
                answer(stream, None, "354 go on\r\n")?;
                let mut mail = Vec::new();
                while !mail.ends_with(b"\r\n.\r\n") {
                    mail.push(byte(stream).ok()?);
                }
                let taken = match manners.data {
                    None => true,
                    Some(Act::Say(text)) => text.starts_with('2'),
                    Some(_) => false,
                };
                if taken {
                    mails.lock().unwrap().push(String::from_utf8_lossy(&mail).into_owned());
                }
                answer(stream, manners.data, "250 taken\r\n")?;
            }
            "QUIT" => {
                answer(stream, None, "221 until then\r\n")?;
                return Some(false);
            }
            _ => answer(stream, None, "250 well\r\n")?,
        }
    }
}
