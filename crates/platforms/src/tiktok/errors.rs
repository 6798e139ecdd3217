//! What TikTok's refusals mean.

use omniva_contracts::{Code, Fault};
use serde_json::Value;

use crate::call::{Reply, excerpt};

const DAY: i64 = 86_400_000_000;
const MINUTE: i64 = 60_000_000;

pub(super) fn code(reply: &Reply) -> String {
    reply.json().pointer("/error/code").and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(super) fn unauthorised(reply: &Reply) -> bool {
    reply.status == 401 && code(reply) != "scope_not_authorized"
}

pub(super) fn fault(reply: &Reply, what: &str, now_us: i64) -> Fault {
    let code = code(reply);
    let message = reply.json().pointer("/error/message").and_then(Value::as_str).map(excerpt).unwrap_or_default();
    let detail = format!("HTTP status {}, code {}: {message}", reply.status, excerpt(&code));
    let limited = |message: &str, until: i64| {
        Fault::new(Code::PlatformLimited, message, "nothing has to be done: it goes on by itself then")
            .not_before(until)
    };
    let refused = |message: String, next: &str| Fault::new(Code::PlatformRefused, message, next);
    let fault = match code.as_str() {
        "spam_risk_too_many_posts" | "spam_risk_too_many_pending_share" => {
            limited("the account has reached TikTok's limit of posts for a day", now_us.saturating_add(DAY))
        }
        "reached_active_user_cap" => {
            limited("TikTok lets no more accounts post through our client today", now_us.saturating_add(DAY))
        }
        "rate_limit_exceeded" => {
            let until = reply.retry_after(now_us).unwrap_or(now_us.saturating_add(MINUTE));
            limited("TikTok asks for slower requests", until)
        }
        _ if reply.status == 429 => {
            let until = reply.retry_after(now_us).unwrap_or(now_us.saturating_add(MINUTE));
            limited("TikTok asks for slower requests", until)
        }
        "spam_risk_user_banned_from_posting" => {
            refused("TikTok has banned the account from posting".into(), "look at the account's status on TikTok")
        }
        "unaudited_client_can_only_post_to_private_accounts" => refused(
            "TikTok lets our client post for the owner's eyes only: it was not audited yet".into(),
            "make the upload private, or have the client audited by TikTok",
        ),
        "privacy_level_option_mismatch" => {
            refused("TikTok does not allow this account that privacy".into(), "choose another privacy for the upload")
        }
        "scope_not_authorized" => refused(
            format!("the account was connected without the right to {what}"),
            "connect it again and allow everything on the consent page",
        ),
        _ if reply.status >= 500 || code == "internal_error" => {
            let next = "nothing has to be done: it is tried again";
            Fault::new(Code::PlatformUnavailable, "TikTok fails on its side", next)
        }
        _ => refused(format!("TikTok refused to {what}"), "see the detail; correct what it names, then retry the job"),
    };
    fault.with_detail(detail)
}

/// The fault of a post that failed for good, and whether another try may succeed.
pub(super) fn failed(status: &Value) -> (Fault, bool) {
    let reason = excerpt(status.get("fail_reason").and_then(Value::as_str).unwrap_or("no reason given"));
    let again = matches!(reason.as_str(), "internal" | "video_pull_failed");
    let (code, next) = match reason.as_str() {
        _ if again => (Code::PlatformUnavailable, "nothing has to be done: it is tried again"),
        "file_format_check_failed"
        | "duration_check_failed"
        | "frame_rate_check_failed"
        | "picture_size_check_failed" => {
            (Code::PlatformRefused, "edit the clip within TikTok's limits, then make a new upload")
        }
        _ => (Code::PlatformRefused, "look at the account on TikTok, then make a new upload"),
    };
    (Fault::new(code, format!("TikTok did not publish the post: {reason}"), next), again)
}
