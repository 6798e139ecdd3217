//! How a job's run ends other than well, and what that is as an outcome.

use std::time::Duration;

use omniva_contracts::engine::{Moment, Outcome};
use omniva_contracts::{Code, Fault, FaultClass};
use omniva_store::StoreFault;
use serde::Serialize;
use serde_json::Value;

use crate::work::{Stop, WorkContext};

/// A full disk is looked at again after this long: it is nobody's attempt.
const NO_SPACE_PAUSE: Duration = Duration::from_secs(300);
/// An account that waits for its owner is looked at again after this long.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1_800);

/// The early end of a run.
pub(super) enum End {
    Fault(Box<Fault>),
    Outcome(Box<Outcome>),
}

pub(super) type Run<T> = Result<T, End>;

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        End::Fault(Box::new(fault))
    }
}

impl From<StoreFault> for End {
    fn from(fault: StoreFault) -> Self {
        Fault::from(fault).into()
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        End::Outcome(Box::new(outcome))
    }
}

pub(super) fn skip<T>(why: impl Into<String>) -> Run<T> {
    Err(Outcome::Skip { why: why.into() }.into())
}

/// A row that the job names is not there.
pub(super) fn gone(what: &str, id: impl std::fmt::Display) -> End {
    Fault::new(
        Code::NotFound,
        format!("there is no {what} {id}"),
        "it was removed meanwhile: cancel what depends on it",
    )
    .into()
}

pub(super) fn outcome<T: Serialize>(run: Run<T>, context: &WorkContext) -> Outcome {
    match run {
        Ok(result) => match serde_json::to_value(result) {
            Ok(Value::Null) => Outcome::Done { result: Value::Object(Default::default()) },
            Ok(result) => Outcome::Done { result },
            Err(error) => Outcome::Retry {
                fault: Fault::internal("a worker's result can't be written as JSON").with_detail(error),
            },
        },
        Err(End::Outcome(outcome)) => *outcome,
        Err(End::Fault(fault)) => failed(*fault, context.stop(), Moment(context.clock.now_us())),
    }
}

fn failed(fault: Fault, stop: Stop, now: Moment) -> Outcome {
    match stop {
        Stop::Cancelled if stopped(&fault) => return Outcome::Cancel { why: "cancelled on request".into() },
        Stop::Stopping | Stop::Lost if stopped(&fault) => return Outcome::Interrupted { checkpoint: None },
        _ => {}
    }
    // The platform said when: until then no attempt is spent.
    let waits = matches!(fault.code, Code::PlatformPending | Code::PlatformLimited | Code::PlatformUnavailable);
    if let (true, Some(us)) = (waits, fault.not_before_us) {
        return Outcome::Snooze { until: Moment(us), why: why(&fault) };
    }
    match fault.code {
        // Nobody asked: whoever waited for the answer is gone.
        Code::Cancelled => Outcome::Interrupted { checkpoint: None },
        Code::NoSpace => Outcome::Snooze { until: now.after(NO_SPACE_PAUSE), why: why(&fault) },
        Code::PlatformReconnect => Outcome::Snooze { until: now.after(RECONNECT_PAUSE), why: why(&fault) },
        code if of_the_input(code) => Outcome::Discard { fault },
        _ => Outcome::Retry { fault },
    }
}

fn why(fault: &Fault) -> String {
    format!("{}: {}; {}", fault.code.as_str(), fault.message, fault.next_step)
}

/// A fault that stopping may have caused: the work was told to stop, or its child was ended with us.
fn stopped(fault: &Fault) -> bool {
    matches!(fault.class(), FaultClass::Interrupted) || fault.code == Code::ChildKilled
}

/// Faults that lie in the material or the order itself, or in what a platform has decided: no later attempt can end
/// otherwise.
fn of_the_input(code: Code) -> bool {
    matches!(
        code,
        Code::InputMissing
            | Code::InputUnreadable
            | Code::InputEmpty
            | Code::InputNotMedia
            | Code::InputPlaylist
            | Code::InputCorrupt
            | Code::InputEncrypted
            | Code::InputDimensions
            | Code::InputTooShort
            | Code::InputTooLong
            | Code::InputNoStreams
            | Code::InputCodec
            | Code::NothingToClip
            | Code::ClipRefused
            | Code::RightsUnknown
            | Code::NotFound
            | Code::UrlInvalid
            | Code::AddressRefused
            | Code::AuthFailed
            | Code::Unavailable
            | Code::TooLarge
            | Code::TooLong
            | Code::FeedInvalid
            | Code::PlatformRefused
            | Code::Unconfirmed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(code: Code, stop: Stop) -> Outcome {
        failed(Fault::new(code, "m", "n"), stop, Moment(0))
    }

    #[test]
    fn a_fault_ends_by_its_kind() {
        for code in Code::ALL {
            let name = code.as_str();
            match ends(*code, Stop::No) {
                Outcome::Discard { fault } => {
                    assert!(matches!(fault.class(), FaultClass::Permanent | FaultClass::Limit), "{name}");
                }
                Outcome::Retry { fault } => assert!(!name.starts_with("input_"), "{name}: {fault}"),
                Outcome::Interrupted { .. } => assert_eq!(*code, Code::Cancelled),
                Outcome::Snooze { until, why } => {
                    let pause = if *code == Code::NoSpace { NO_SPACE_PAUSE } else { RECONNECT_PAUSE };
                    assert!(matches!(code, Code::NoSpace | Code::PlatformReconnect), "{name}");
                    assert_eq!(until, Moment(0).after(pause));
                    assert!(why.starts_with(&format!("{name}: ")));
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_platform_that_says_when_spends_no_attempt() {
        for code in [Code::PlatformPending, Code::PlatformLimited, Code::PlatformUnavailable] {
            let fault = Fault::new(code, "m", "n").not_before(7);
            assert!(matches!(failed(fault, Stop::No, Moment(0)), Outcome::Snooze { until: Moment(7), .. }));
            assert!(matches!(ends(code, Stop::No), Outcome::Retry { .. }));
        }
        assert!(matches!(ends(Code::Unconfirmed, Stop::No), Outcome::Discard { .. }), "never sent again by itself");
    }

    #[test]
    fn what_stopping_caused_is_no_failure_and_the_rest_is() {
        assert!(matches!(ends(Code::Cancelled, Stop::Cancelled), Outcome::Cancel { .. }));
        assert_eq!(ends(Code::Cancelled, Stop::Stopping), Outcome::Interrupted { checkpoint: None });
        assert_eq!(ends(Code::ChildKilled, Stop::Lost), Outcome::Interrupted { checkpoint: None });
        assert!(matches!(ends(Code::InputCorrupt, Stop::Stopping), Outcome::Discard { .. }));
        assert!(matches!(ends(Code::EncoderFailed, Stop::Cancelled), Outcome::Retry { .. }));
    }
}
