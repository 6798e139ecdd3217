//! What parent and child say to each other.

use std::io::{self, BufRead, Read};

use omniva_contracts::jobs::ChildLine;
use serde::{Deserialize, Serialize};

use crate::layers::Layers;
use crate::policy::Policy;

/// Longest first line of standard input, and longest job: ten hours of transcript stay far below.
const MAX_HEAD: u64 = 4 << 20;
const MAX_JOB: u64 = 512 << 20;

/// First line of the child's standard input.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    pub policy: Policy,
    /// The child ends when this is no longer its parent.
    pub parent: i32,
}

/// One line of the child's standard output.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    Entered(Layers),
    #[serde(untagged)]
    Line(ChildLine),
}

/// The head as a line, then the job.
pub(crate) fn encode(head: &Head, job: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(head)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(job);
    Ok(bytes)
}

pub(crate) fn decode(input: &mut dyn BufRead) -> io::Result<(Head, Vec<u8>)> {
    let mut line = Vec::new();
    input.take(MAX_HEAD).read_until(b'\n', &mut line)?;
    let head = serde_json::from_slice(&line)?;
    let mut job = Vec::new();
    input.take(MAX_JOB + 1).read_to_end(&mut job)?;
    if job.len() as u64 > MAX_JOB {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the job is too large"));
    }
    Ok((head, job))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use omniva_contracts::{Code, Fault};

    use super::*;
    use crate::layers::{Layer, State};

    #[test]
    fn head_and_job_come_back_unchanged() {
        let mut policy = Policy::new(1 << 30, Duration::from_millis(1500), 2);
        policy.read.push("/in put/\n\"x\".mp4".into());
        policy.allow_missing_layers.push(Layer::Network);
        let bytes = encode(&Head { policy: policy.clone(), parent: 7 }, b"{\"a\":1}\n\n2").unwrap();
        let (head, job) = decode(&mut bytes.as_slice()).unwrap();
        assert_eq!((head.policy, head.parent, job.as_slice()), (policy, 7, b"{\"a\":1}\n\n2".as_slice()));
        assert!(decode(&mut b"no json\n".as_slice()).is_err());
    }

    #[test]
    fn the_lines_of_the_contract_are_understood() {
        let layers = Layers {
            network: State::Enforced,
            landlock: State::Missing("x".into()),
            seccomp: State::Enforced,
            landlock_abi: 0,
            user_namespace: false,
        };
        let lines = [
            Said::Entered(layers),
            Said::Line(ChildLine::Progress(0.25)),
            Said::Line(ChildLine::Done),
            Said::Line(ChildLine::Fault(Fault::new(Code::InputCorrupt, "m", "n"))),
        ];
        for line in lines {
            let text = serde_json::to_string(&line).unwrap();
            assert_eq!(serde_json::from_str::<Said>(&text).unwrap(), line, "{text}");
        }
        assert_eq!(serde_json::to_string(&Said::Line(ChildLine::Done)).unwrap(), "\"done\"");
    }
}
