//! What the Graph API's refusals mean.

use omniva_contracts::{Code, Fault};
use serde_json::Value;

use crate::call::{Reply, excerpt};

const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;

/// Code and subcode.
fn codes(reply: &Reply) -> (i64, i64) {
    let body = reply.json();
    let number = |at: &str| body.pointer(at).and_then(Value::as_i64).unwrap_or(0);
    (number("/error/code"), number("/error/error_subcode"))
}

pub(super) fn unauthorised(reply: &Reply) -> bool {
    !reply.ok() && codes(reply).0 == 190
}

/// Whether what was asked for does not exist.
pub(super) fn unknown(reply: &Reply) -> bool {
    reply.status == 404 || (reply.status == 400 && codes(reply).0 == 100)
}

/// Whether a post that was there is no more. Any parameter that they do not like has the code 100 too.
pub(super) fn gone(reply: &Reply) -> bool {
    reply.status == 404 || (reply.status == 400 && codes(reply) == (100, 33))
}

pub(super) fn fault(reply: &Reply, what: &str, now_us: i64) -> Fault {
    let (code, subcode) = codes(reply);
    let message = reply.json().pointer("/error/message").and_then(Value::as_str).map(excerpt).unwrap_or_default();
    let detail = format!("HTTP status {}, code {code}/{subcode}: {message}", reply.status);
    let limited = |message: &str, until: i64| {
        Fault::new(Code::PlatformLimited, message, "nothing has to be done: it goes on by itself then")
            .not_before(until)
    };
    let refused = |message: &str, next: &str| Fault::new(Code::PlatformRefused, message, next);
    let later = |by: i64| reply.retry_after(now_us).unwrap_or(now_us.saturating_add(by));
    let fault = match (code, subcode) {
        // The cap counts the last 24 hours, so that it opens bit by bit.
        (9, _) | (_, 2_207_042) => limited("the account has reached Instagram's limit of posts for a day", later(HOUR)),
        (4 | 17 | 32 | 613, _) => limited("Instagram asks for slower requests", later(5 * MINUTE)),
        _ if reply.status == 429 => limited("Instagram asks for slower requests", later(MINUTE)),
        (9007, _) | (_, 2_207_027) => Fault::new(
            Code::PlatformPending,
            "Instagram still works on the video",
            "nothing has to be done: it is asked again",
        )
        .not_before(now_us.saturating_add(MINUTE)),
        (25, _) | (_, 2_207_050) => {
            refused("Instagram has restricted the account", "open the Instagram app and do what it asks for")
        }
        (_, 2_207_051) => refused("Instagram takes the post for spam", "wait some days, and post less often"),
        (352, _) | (_, 2_207_026 | 2_207_085) => {
            refused("Instagram can't use the video's format", "edit the clip again, then make a new upload")
        }
        (-2 | -1, _) | (_, 2_207_003 | 2_207_032 | 2_207_053 | 2_207_082) => unavailable(),
        _ if reply.status >= 500 => unavailable(),
        (10 | 200..=299, _) => refused(
            &format!("the account was connected without the right to {what}"),
            "connect it again and allow everything on the consent page",
        ),
        _ => {
            let next = "see the detail; correct what it names, then retry the job";
            Fault::new(Code::PlatformRefused, format!("Instagram refused to {what}"), next)
        }
    };
    fault.with_detail(detail)
}

fn unavailable() -> Fault {
    let next = "nothing has to be done: it is tried again";
    Fault::new(Code::PlatformUnavailable, "Instagram fails on its side", next)
}
