//! A `StatefulSet` for Kubernetes.

use super::docker::{entrypoint, image_name};
use super::quote::{json, json_all};
use super::{Agent, Written, fill};

/// The manifest.
pub const MANIFEST: &str = include_str!("../../packaging/kubernetes/agent.yaml");

/// `NAME.yaml`.
#[must_use]
pub fn manifest(agent: &Agent) -> Written {
    let pod = image_name(&agent.name);
    let values = [
        ("pod", pod.as_str()),
        ("image", &pod),
        ("name", &agent.name),
        ("name_json", &json(&agent.name)),
        ("stop_seconds", &agent.stop_seconds().to_string()),
        ("entrypoint", &json_all(&literal(entrypoint(agent)))),
        ("command", &json_all(&literal(agent.command.clone()))),
    ];
    let name = format!("{pod}.yaml");
    Written {
        text: fill(MANIFEST, &values),
        steps: vec![
            "# the image must be in a registry that the cluster reads; name it in the file"
                .to_owned(),
            format!("kubectl apply -f {name}"),
            format!("kubectl rollout status statefulset/{pod}"),
            format!("kubectl exec {pod}-0 -- agentwatch status"),
        ],
        name,
    }
}

/// Kubernetes puts variables in for `$(NAME)`, and `$$(` is none.
fn literal(words: Vec<String>) -> Vec<String> {
    words.into_iter().map(|word| word.replace("$(", "$$(")).collect()
}
