//! What is known of a kill by the kernel's memory killer.

use serde::{Deserialize, Serialize};

/// Which of the kernel's counts rose, and so how near to us the victim was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The count of our own memory cgroup: the victim was one of ours, at a limit of the cgroup or
    /// because the whole machine was full.
    Cgroup,
    /// Only the count of the whole machine: the victim may be anybody's, in another container too.
    Machine,
}

/// Kills by the kernel's memory killer since the last look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OomKill {
    /// Which count rose.
    pub scope: Scope,
    /// By how much.
    pub count: u64,
    /// For [`Scope::Cgroup`], the smallest memory limit from our cgroup upwards as far as can be
    /// seen; without one the machine, or somebody above us, ran out of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// Pid and name of the last one killed, where the kernel's log may be read. The pid is that of
    /// the machine: in a container it is not the one that we know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub victim: Option<(i32, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_written_and_all_comes_back() {
        let bare = OomKill { scope: Scope::Machine, count: 2, limit_bytes: None, victim: None };
        let text = r#"{"scope":"machine","count":2}"#;
        assert_eq!(serde_json::to_string(&bare).unwrap(), text);
        assert_eq!(serde_json::from_str::<OomKill>(text).unwrap(), bare);
        let victim = Some((7, "python3".to_owned()));
        let full = OomKill { scope: Scope::Cgroup, count: 1, limit_bytes: Some(1 << 25), victim };
        let text = r#"{"scope":"cgroup","count":1,"limit_bytes":33554432,"victim":[7,"python3"]}"#;
        assert_eq!(serde_json::to_string(&full).unwrap(), text);
        assert_eq!(serde_json::from_str::<OomKill>(text).unwrap(), full);
    }
}
