//! What is known of an unhealthy child before it is touched: what it waits for, and what it used.

use serde::{Deserialize, Serialize};

/// The most remote addresses that are kept: enough to name the culprit in a message.
pub const TCP_MAX: usize = 4;

/// A look at a child and its tree, taken while nothing has been done to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The process looked at: the child, or what its launchers (`uv run`, `sh -c`) started.
    pub pid: i32,
    /// The name of that process as the kernel has it, cut at 15 bytes.
    pub name: String,
    /// Its state as the kernel has it: `R` runs, `S` sleeps, `D` sleeps and cannot be woken, `T` is
    /// stopped, `t` is stopped by a debugger, `Z` is dead.
    pub state: char,
    /// The function of the kernel in which its main thread sleeps, if it does and may be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wchan: Option<String>,
    /// What the tree of the child has used of processors since it started, in milliseconds: what
    /// is alive, and what ended and was waited for.
    pub cpu_ms: u64,
    /// The memory of the tree; what its processes share is counted for each of them.
    pub rss_kib: u64,
    /// The living processes of the tree, the child included.
    pub processes: u32,
    /// The remote ends of the established TCP connections of the process looked at, at most
    /// [`TCP_MAX`]; the one that it waits for, where that may be seen, comes first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tcp: Vec<String>,
    /// How many such connections there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tcp_count: u32,
    /// What the machine was short of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Pressure>,
}

/// The part of the last ten seconds in which some process of the machine waited for a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Waited for a processor, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Waited for memory, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_percent: Option<f64>,
    /// Waited for disks, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io_percent: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_written_and_all_comes_back() {
        let bare = Evidence {
            pid: 7,
            name: "python".into(),
            state: 'T',
            wchan: None,
            cpu_ms: 40,
            rss_kib: 2048,
            processes: 1,
            tcp: Vec::new(),
            tcp_count: 0,
            pressure: None,
        };
        let text =
            r#"{"pid":7,"name":"python","state":"T","cpu_ms":40,"rss_kib":2048,"processes":1}"#;
        assert_eq!(serde_json::to_string(&bare).unwrap(), text);
        assert_eq!(serde_json::from_str::<Evidence>(text).unwrap(), bare);
        let full = Evidence {
            wchan: Some("sk_wait_data".into()),
            tcp: vec!["10.0.0.7:443".into()],
            tcp_count: 1,
            pressure: Some(Pressure { io_percent: Some(1.25), ..Pressure::default() }),
            ..bare
        };
        let text = serde_json::to_string(&full).unwrap();
        assert!(
            text.ends_with(
                r#""tcp":["10.0.0.7:443"],"tcp_count":1,"pressure":{"io_percent":1.25}}"#
            )
        );
        assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), full);
    }
}
