//! Who sent a datagram, as the kernel of Linux vouches for it.

use std::os::fd::AsFd;

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

use crate::sys::datagram::Sender;

/// Room for the sender and nothing else: descriptors do not fit, so that the kernel closes them before they
/// are ever ours, even where no descriptor is left.
#[expect(unsafe_code, clippy::cast_possible_truncation, reason = "a macro of C; it gives 32")]
// SAFETY: it only calculates.
pub const CONTROL_MAX: usize =
    unsafe { libc::CMSG_SPACE(size_of::<libc::ucred>() as libc::c_uint) } as usize;

pub const RECEIVE_FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;

/// Every datagram must come with its sender.
pub const SENDER_UNTOLD: Sender = Sender::Unknown;

pub fn ask_for_senders(socket: &impl AsFd) -> nix::Result<()> {
    setsockopt(socket, sockopt::PassCred, &true)
}

/// The sender, from the content of a control message of that type.
pub fn sender(kind: libc::c_int, data: &[u8]) -> Option<Sender> {
    if kind != libc::SCM_CREDENTIALS {
        return None;
    }
    // struct ucred: pid, uid, gid, each of four bytes.
    let uid = data.get(4..8)?.try_into().ok()?;
    Some(Sender::User(u32::from_ne_bytes(uid)))
}

/// The address of a socket whose name is in no file system.
pub fn abstract_address(name: &[u8]) -> std::io::Result<std::os::unix::net::SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    std::os::unix::net::SocketAddr::from_abstract_name(name)
}

/// Whose a process is, by its effective user; `None` if it is gone.
pub fn owner(pid: i32) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(format!("/proc/{pid}")).ok().map(|process| process.uid())
}
