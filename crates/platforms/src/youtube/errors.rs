//! What YouTube's refusals mean.

use omniva_contracts::{Code, Fault};
use serde_json::Value;

use crate::call::{Reply, excerpt};
use crate::pacific::next_midnight;

/// The channel's own cap ends about a day after it was hit, microseconds.
const DAY: i64 = 86_400_000_000;
const MINUTE: i64 = 60_000_000;

/// `error.errors[0].reason`
pub(super) fn reason(reply: &Reply) -> Option<String> {
    reply.json().pointer("/error/errors/0/reason").and_then(Value::as_str).map(str::to_owned)
}

/// The fault of an answer that is no success.
pub(super) fn fault(reply: &Reply, what: &str, now_us: i64) -> Fault {
    let reason = reason(reply);
    let message = reply.json().pointer("/error/message").and_then(Value::as_str).map(excerpt).unwrap_or_default();
    let detail = format!("HTTP status {}, reason {}: {message}", reply.status, reason.as_deref().unwrap_or("none"));
    let limited = |message: String, until: i64| {
        let next = "nothing has to be done: it goes on by itself then";
        Fault::new(Code::PlatformLimited, message, next).not_before(until)
    };
    let refused = |message: String, next: &str| Fault::new(Code::PlatformRefused, message, next);
    let fault = match (reply.status, reason.as_deref()) {
        (_, Some("quotaExceeded" | "dailyLimitExceeded")) => limited(
            "the project's quota of YouTube is used up until midnight in California".into(),
            next_midnight(now_us),
        ),
        (400 | 403, Some("uploadLimitExceeded")) => {
            limited("the channel has reached YouTube's limit of uploads for a day".into(), now_us.saturating_add(DAY))
        }
        (429, _) | (403, Some("rateLimitExceeded" | "userRateLimitExceeded" | "uploadRateLimitExceeded")) => {
            let until = reply.retry_after(now_us).unwrap_or(now_us.saturating_add(MINUTE));
            limited("YouTube asks for slower requests".into(), until)
        }
        (401, _) => refused(
            "the Google account has no YouTube channel".into(),
            "make a channel, or connect the account that has it",
        ),
        (403, Some("insufficientPermissions")) => refused(
            format!("the account was connected without the right to {what}"),
            "connect it again and tick every box of the consent page",
        ),
        (500..=599, _) => {
            let next = "nothing has to be done: it is tried again";
            let fault = Fault::new(Code::PlatformUnavailable, "YouTube fails on its side", next);
            match reply.retry_after(now_us) {
                Some(until) => fault.not_before(until),
                None => fault,
            }
        }
        (_, Some("invalidTitle" | "invalidDescription" | "invalidTags" | "invalidCategoryId" | "invalidPublishAt")) => {
            refused(format!("YouTube refused to {what}: {message}"), "correct the text of the post, then retry the job")
        }
        _ => refused(format!("YouTube refused to {what}"), "see the detail; correct what it names, then retry the job"),
    };
    fault.with_detail(detail)
}
