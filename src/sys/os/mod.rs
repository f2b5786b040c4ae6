//! The one place where the operating system is chosen: Linux, or the rest (macOS).

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(target_os = "linux")]
mod linux_evidence;
#[cfg(target_os = "linux")]
pub use linux_evidence::look;
#[cfg(target_os = "linux")]
mod linux_tcp;

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub use other::*;
