//! A `StatefulSet` for Kubernetes.

use super::docker::{entrypoint, label, state_dir};
use super::quote::{json, json_all};
use super::{Agent, Written, fill, image};

/// The manifest.
pub const MANIFEST: &str = include_str!("../../packaging/kubernetes/agent.yaml");

/// `NAME.yaml`.
#[must_use]
pub fn manifest(agent: &Agent) -> Written {
    let pod = label(&agent.name);
    let (command, warnings) = image::command(agent);
    let values = [
        ("pod", pod.as_str()),
        ("name", &agent.name),
        ("name_json", &json(&agent.name)),
        ("stop_seconds", &agent.stop_seconds().to_string()),
        ("entrypoint", &json_all(&literal(entrypoint(agent)))),
        ("command", &json_all(&literal(command))),
        ("state_dir", state_dir(agent)),
    ];
    let name = format!("{pod}.yaml");
    let steps = vec![
        "# the image must be in a registry that the cluster reads, and image: in the file name it"
            .to_owned(),
        format!("kubectl apply -f {}", agent.written(&name)),
        format!("kubectl rollout status statefulset/{pod}"),
        format!("kubectl exec {pod}-0 -- agentwatch status"),
    ];
    Written { warnings, ..Written::new(name, fill(MANIFEST, &values), steps) }
}

/// Kubernetes puts variables in for `$(NAME)`, and makes one dollar of two.
fn literal(words: Vec<String>) -> Vec<String> {
    words.into_iter().map(|word| word.replace('$', "$$")).collect()
}
