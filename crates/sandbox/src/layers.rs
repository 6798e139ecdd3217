//! The three layers that a kernel may lack, and what became of each.

use std::fmt;
use std::str::FromStr;

use omniva_contracts::{Code, Fault};
use serde::{Deserialize, Serialize};

/// The command-line option that takes a [`Layer`] by name; faults tell the user about it.
pub const ALLOW_FLAG: &str = "--allow-missing-sandbox";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// A network namespace without any interface that is up.
    Network,
    /// Files by Landlock.
    Landlock,
    /// System calls by seccomp.
    Seccomp,
}

impl Layer {
    pub const ALL: [Layer; 3] = [Layer::Network, Layer::Landlock, Layer::Seccomp];

    pub fn as_str(self) -> &'static str {
        match self {
            Layer::Network => "network",
            Layer::Landlock => "landlock",
            Layer::Seccomp => "seccomp",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Layer::Network => {
                "allow unprivileged user namespaces (sysctl user.max_user_namespaces, AppArmor, container settings)"
            }
            Layer::Landlock => "use a kernel from 5.13 on with landlock among its security modules (lsm=landlock,…)",
            Layer::Seccomp => "use a kernel with seccomp filters (CONFIG_SECCOMP_FILTER)",
        }
    }

    /// The layer is not there and nobody allowed that.
    pub(crate) fn unavailable(self, reason: &str) -> Fault {
        Fault::new(
            Code::SandboxUnavailable,
            format!("the sandbox layer `{self}` is not available here: {reason}"),
            format!("{}; or accept the risk for media that you trust with {ALLOW_FLAG} {self}", self.remedy()),
        )
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Layer {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Layer::ALL.into_iter().find(|layer| layer.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no sandbox layer (network, landlock, seccomp)"))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Enforced,
    /// Why not.
    Missing(String),
}

/// What holds in a child that has entered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layers {
    pub network: State,
    pub landlock: State,
    pub seccomp: State,
    /// Version of the kernel's Landlock interface that is in use; 0 without Landlock. From 3 on truncation, from 4 on
    /// TCP, from 5 on device control and from 6 on signals and abstract sockets are covered too.
    pub landlock_abi: u32,
    /// The child has a user namespace of its own.
    pub user_namespace: bool,
}

impl Layers {
    pub fn state(&self, layer: Layer) -> &State {
        match layer {
            Layer::Network => &self.network,
            Layer::Landlock => &self.landlock,
            Layer::Seccomp => &self.seccomp,
        }
    }

    /// The layers that are not in force, with the reason.
    pub fn missing(&self) -> Vec<(Layer, &str)> {
        let reason = |layer| match self.state(layer) {
            State::Enforced => None,
            State::Missing(why) => Some((layer, why.as_str())),
        };
        Layer::ALL.into_iter().filter_map(reason).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_found_by_the_name_that_faults_print() {
        for layer in Layer::ALL {
            assert_eq!(layer.as_str().parse(), Ok(layer));
            let fault = layer.unavailable("no such call");
            assert_eq!(fault.code, Code::SandboxUnavailable);
            assert!(fault.next_step.ends_with(&format!("{ALLOW_FLAG} {layer}")), "{}", fault.next_step);
            assert_eq!(serde_json::to_string(&layer).unwrap(), format!("\"{layer}\""));
        }
        assert!("everything".parse::<Layer>().is_err());
    }
}
