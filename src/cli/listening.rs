//! Where those listen who do, and the token they ask for.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;

use crate::store::secrets::look_up;
use crate::sys::file;
use crate::wire::sink::{references, resolve};

use super::output::complain;
use super::{EXIT_FAILED, EXIT_USAGE, Failure};

/// A shorter token is guessed; healthchecks.io's ping keys have 22 characters.
const TOKEN_MIN: usize = 16;

/// What `flag` says of where to listen.
///
/// # Errors
/// It is no address with a port; `example` is one.
pub fn address(flag: &str, text: &str, example: &str) -> Result<SocketAddr, Failure> {
    let port = || text.trim_start_matches(':').parse::<u16>().ok();
    let named = || text.strip_prefix("localhost:").and_then(|port| port.parse::<u16>().ok());
    let here = |port| SocketAddr::from((IpAddr::from([127, 0, 0, 1]), port));
    text.parse().ok().or_else(|| port().or_else(named).map(here)).ok_or_else(|| {
        let words = format!("must be an address and a port, such as {example} or [::1]:8642");
        Failure::new(EXIT_USAGE, format_args!("{flag} {text:?}: {words}"))
    })
}

/// The token, from where it is kept: what stands on the command line every user of the machine can read.
///
/// # Errors
/// It stands there, is nowhere, or is too short.
pub fn token(command: &str, flag: &str, text: &str) -> Result<String, Failure> {
    let wrong = |words: &str| Failure::new(EXIT_USAGE, format_args!("{flag}: {words}"));
    let found = references(text).map_err(|words| wrong(&words))?;
    if found.is_empty() {
        return Err(wrong(
            "everybody can read a command line; write '${VARIABLE}', file:PATH or cred:NAME",
        ));
    }
    let token = resolve(text, look_up).map_err(|words| wrong(&words))?;
    if token.len() < TOKEN_MIN {
        return Err(wrong(&format!("must be at least {TOKEN_MIN} characters, or it is guessed")));
    }
    if let Some(path) = text.strip_prefix("file:")
        && file::others_may_read(Path::new(path))
    {
        complain(&format!(
            "{command}: {flag} {path}: every user of this machine can read it; chmod 600 {path}"
        ));
    }
    Ok(token)
}

/// Refuses to listen where others can reach it without a token.
///
/// # Errors
/// That.
pub fn refuse_open(
    flag: &str,
    address: SocketAddr,
    has_token: bool,
    way: &str,
) -> Result<(), Failure> {
    if has_token || address.ip().is_loopback() {
        return Ok(());
    }
    let words = format!("{flag} {address}: others can reach it there, so it needs a token: {way}");
    Err(Failure::new(EXIT_USAGE, words))
}

/// Begins to listen; gives where, which is news if the port was 0.
///
/// # Errors
/// The system's, for the command `name`.
pub fn bind(
    name: &str,
    flag: &str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: io::Error| {
        let words = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("somebody listens there already; choose another: {flag} 127.0.0.1:PORT")
            }
            _ => error.to_string(),
        };
        Failure::new(EXIT_FAILED, format_args!("{name}: {address}: {words}"))
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
