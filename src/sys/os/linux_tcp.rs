//! The TCP connections of a process, from its descriptors and its network's tables.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::sys::head::read_head;

/// The most descriptors that are looked at: enough for an agent, not for a proxy.
const FDS_MAX: usize = 256;

/// An established connection of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The descriptor it is known by.
    pub fd: u32,
    /// The other end.
    pub remote: SocketAddr,
}

/// The established TCP connections of the process with this folder of `/proc`, by descriptor.
///
/// Empty when they may not be seen.
pub fn established(process: &Path) -> Vec<Socket> {
    let mut inodes = sockets(&process.join("fd"));
    let mut found = Vec::new();
    for table in ["net/tcp", "net/tcp6"] {
        // The tables are those of the whole network namespace, and can be long.
        if inodes.is_empty() {
            break;
        }
        let Some(text) = read_head(&process.join(table)) else { continue };
        for line in String::from_utf8_lossy(&text).lines() {
            if let Some((inode, remote)) = connection(line)
                && let Some(fd) = inodes.remove(&inode)
            {
                found.push(Socket { fd, remote });
            }
        }
    }
    found.sort_by_key(|socket| socket.fd);
    found
}

/// The sockets of a process: inode and lowest descriptor.
fn sockets(folder: &Path) -> BTreeMap<u64, u32> {
    let mut inodes = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(FDS_MAX) {
        let fd = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        let link = fs::read_link(entry.path()).ok();
        let inode = link
            .as_deref()
            .and_then(Path::to_str)
            .and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok());
        if let (Some(fd), Some(inode)) = (fd, inode) {
            let lowest = inodes.entry(inode).or_insert(fd);
            *lowest = fd.min(*lowest);
        }
    }
    inodes
}

/// The inode and the remote end, if the line of the table is that of an established connection.
fn connection(line: &str) -> Option<(u64, SocketAddr)> {
    let mut fields = line.split_ascii_whitespace();
    // sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
    let remote = fields.nth(2)?;
    if fields.next()? != "01" {
        return None;
    }
    let inode = fields.nth(5)?.parse().ok()?;
    Some((inode, address(remote)?))
}

/// `0700000A:01BB` → 10.0.0.7:443; a mapped IPv4 address is shown as what it is.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    // The kernel prints words of the address, which lie there in network order, as numbers.
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_are_decoded() {
        for (text, shown) in [
            ("0700000A:01BB", Some("10.0.0.7:443")),
            ("0100007F:1F90", Some("127.0.0.1:8080")),
            ("00000000000000000000000001000000:01BB", Some("[::1]:443")),
            ("B80D0120000000000000000001000000:0050", Some("[2001:db8::1]:80")),
            ("0000000000000000FFFF00000700000A:01BB", Some("10.0.0.7:443")),
            ("0700000A", None),
            ("0700000A:", None),
            ("070000A:01BB", None),
            ("07000é0A:01BB", None),
            ("0700000G:01BB", None),
            ("0700000A:101BB", None),
            ("", None),
        ] {
            assert_eq!(address(text).map(|a| a.to_string()).as_deref(), shown, "{text}");
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn only_established_connections_count() {
        let line = |state: &str| {
            format!(
                "   1: 0100007F:C350 0700000A:01BB {state} 00000000:00000000 00:00000000 00000000 \
                 1000        0 4711 1 0000000000000000 20 4 30 10 -1"
            )
        };
        assert_eq!(connection(&line("01")), Some((4711, "10.0.0.7:443".parse().unwrap())));
        assert_eq!(connection(&line("0A")), None);
        assert_eq!(connection("  sl  local_address rem_address   st tx_queue rx_queue tr"), None);
        assert_eq!(connection(""), None);
        assert_eq!(connection(&line("01")[..90]), None, "a cut line");
    }

    #[test]
    fn our_own_connections_are_found() {
        for listen in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(listen) else {
                eprintln!("SKIPPED: cannot listen on {listen}");
                continue;
            };
            let remote = listener.local_addr().unwrap();
            let stream = TcpStream::connect(remote).unwrap();
            let fd = u32::try_from(stream.as_raw_fd()).unwrap();
            let found = established(Path::new("/proc/self"));
            assert!(found.contains(&Socket { fd, remote }), "{found:?}");
            drop((stream, listener));
            let found = established(Path::new("/proc/self"));
            assert!(!found.iter().any(|socket| socket.remote == remote), "{found:?}");
        }
    }
}
