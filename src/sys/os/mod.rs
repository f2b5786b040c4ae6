//! The one place where the operating system is chosen: Linux, or the rest (macOS).

#[cfg(target_os = "linux")]
mod clone;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod linux_datagram;
#[cfg(target_os = "linux")]
mod linux_evidence;
#[cfg(target_os = "linux")]
mod linux_machine;
#[cfg(target_os = "linux")]
mod linux_tcp;
#[cfg(target_os = "linux")]
mod signalfd;
#[cfg(target_os = "linux")]
pub use {
    clone::*, linux::*, linux_datagram::*, linux_evidence::look, linux_machine::*, signalfd::*,
};

#[cfg(not(target_os = "linux"))]
mod fork;
#[cfg(not(target_os = "linux"))]
mod handlers;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub use {fork::*, handlers::*, other::*};
