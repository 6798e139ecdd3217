//! What yt-dlp says when it fails, as a reason with a next step.

use omniva_contracts::{Code, Fault};

/// Characters of its last words that are kept.
const KEPT: usize = 800;

struct Reason {
    code: Code,
    /// Any of these, in lower case.
    said: &'static [&'static str],
    message: &'static str,
    next_step: &'static str,
}

/// The first that fits counts: what is more exact comes first.
const REASONS: [Reason; 9] = [
    Reason {
        code: Code::NoSpace,
        said: &["no space left", "disk quota exceeded"],
        message: "no space is left for the video",
        next_step: "free some disk space, then retry the job",
    },
    Reason {
        code: Code::TooLarge,
        said: &["file too large", "larger than max-filesize", "errno 27"],
        message: "the video has more bytes than are allowed",
        next_step: "raise limits.max_source_gigabytes, or lower engine.network.ytdlp.max_height",
    },
    Reason {
        code: Code::NotABotCheck,
        said: &["not a bot", "captcha", "verify you are human", "unusual traffic"],
        message: "the platform wants proof that a person asks",
        next_step: "nothing: it is asked again after a rest; raise the pauses in engine.network.platforms, and set js_runtime for YouTube",
    },
    Reason {
        code: Code::RateLimited,
        said: &[
            "http error 429",
            "too many requests",
            "rate-limit",
            "rate limit",
            "try again later",
            "please wait a few minutes",
        ],
        message: "the platform says that it was asked too often",
        next_step: "nothing: it is asked again later; raise the pauses in engine.network.platforms if this stays so",
    },
    Reason {
        code: Code::AuthFailed,
        said: &[
            "sign in",
            "log in",
            "login required",
            "logged-in",
            "private video",
            "members-only",
            "members only",
            "join this channel",
            "confirm your age",
            "age-restricted",
            "http error 401",
            "http error 403",
            "http error 407",
            "requires authentication",
            "only available for registered users",
            "--cookies",
        ],
        message: "the platform shows this only to those who are signed in",
        next_step: "take another video, or set engine.network.ytdlp.cookies for the platform",
    },
    Reason {
        code: Code::Unavailable,
        said: &[
            "video unavailable",
            "not available",
            "unavailable",
            "has been removed",
            "was removed",
            "has been terminated",
            "does not exist",
            "no longer exists",
            "http error 404",
            "http error 410",
            "http error 451",
            "geo restrict",
            "geo-restrict",
            "in your country",
            "unsupported url",
            "no video formats",
            "requested format",
            "premieres in",
            "will begin in",
            "no video could be found",
            "drm",
            "is not a valid url",
            "unable to extract",
            "no media found",
        ],
        message: "there is no such video, or it can't be had from here",
        next_step: "check the address; if others can see it, a newer yt-dlp may help: see config/tools.toml",
    },
    Reason {
        code: Code::NetworkTimeout,
        said: &["timed out", "timeout"],
        message: "the platform took too long to answer",
        next_step: "nothing: it is tried again; if it stays so, check this machine's network",
    },
    Reason {
        code: Code::SourceUnavailable,
        said: &[
            "connection refused",
            "connection reset",
            "name or service not known",
            "failure in name resolution",
            "unable to connect",
            "tunnel connection failed",
            "remote end closed",
            "incompleteread",
            "bytes read",
            "http error 5",
            "network is unreachable",
            "ssl",
            "broken pipe",
            "unable to download",
            "did not get any data",
        ],
        message: "the platform can't be reached, or answers with faults of its own",
        next_step: "nothing: it is tried again; if it stays so, check the address and this machine's network",
    },
    Reason {
        code: Code::ToolFailed,
        said: &[""],
        message: "yt-dlp failed",
        next_step: "read the detail; a newer yt-dlp may help: see config/tools.toml",
    },
];

/// Reads the last words of a run that failed.
pub(super) fn fault(stderr: &str) -> Fault {
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("ERROR:")).collect();
    let said = if errors.is_empty() { stderr.to_owned() } else { errors.join("\n") };
    let lower = said.to_lowercase();
    // A URL may hold any of the words.
    let lower: String = lower.split_whitespace().filter(|word| !word.contains("://")).collect::<Vec<_>>().join(" ");
    let found = REASONS.iter().find(|reason| reason.said.iter().any(|words| lower.contains(words)));
    let fault = found.map_or_else(
        || Fault::new(Code::ToolFailed, "yt-dlp failed", "read the detail"),
        |reason| Fault::new(reason.code, reason.message, reason.next_step),
    );
    fault.with_detail(tail(&said))
}

fn tail(text: &str) -> String {
    let from = text.char_indices().rev().nth(KEPT).map_or(0, |(at, _)| at);
    let kept = text.get(from..).unwrap_or_default().trim();
    kept.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_words_become_reasons() {
        for (said, code) in [
            ("ERROR: [youtube] x: Sign in to confirm you’re not a bot. Use --cookies-from-browser", Code::NotABotCheck),
            ("ERROR: [youtube] x: Sign in to confirm your age", Code::AuthFailed),
            ("ERROR: [youtube] x: Private video. Sign in if you've been granted access", Code::AuthFailed),
            ("ERROR: [youtube] x: Video unavailable. This video has been removed by the uploader", Code::Unavailable),
            ("ERROR: [youtube] x: This live event will begin in 3 hours.", Code::Unavailable),
            (
                "ERROR: [Instagram] x: Requested content is not available, rate-limit reached or login required",
                Code::RateLimited,
            ),
            ("ERROR: [tiktok] x: Unable to download webpage: HTTP Error 429: Too Many Requests", Code::RateLimited),
            ("ERROR: [generic] x: Unable to download webpage: HTTP Error 404: Not Found", Code::Unavailable),
            ("ERROR: unable to download video data: HTTP Error 403: Forbidden", Code::AuthFailed),
            ("ERROR: [generic] x: Unable to download webpage: HTTP Error 503: Busy", Code::SourceUnavailable),
            ("ERROR: [generic] x: Unable to download webpage: The read operation timed out", Code::NetworkTimeout),
            ("ERROR: [generic] x: [Errno 111] Connection refused", Code::SourceUnavailable),
            ("ERROR: unable to write data: [Errno 28] No space left on device", Code::NoSpace),
            ("ERROR: unable to write data: [Errno 27] File too large", Code::TooLarge),
            ("ERROR: Unsupported URL: https://example.org/captcha", Code::Unavailable),
            ("ERROR: https://example.org/rate-limit: Unsupported URL", Code::Unavailable),
            ("Traceback (most recent call last):\nMemoryError", Code::ToolFailed),
            ("WARNING: timed out\nERROR: something new", Code::ToolFailed),
            ("", Code::ToolFailed),
        ] {
            let fault = fault(said);
            assert_eq!(fault.code, code, "{said}");
            assert!(!fault.next_step.is_empty() && !fault.message.is_empty());
        }
    }

    #[test]
    fn only_the_end_of_long_words_is_kept() {
        let fault = fault(&format!("ERROR: {}é\u{1b}[0m the end", "x".repeat(5000)));
        assert!(fault.detail.ends_with("the end") && fault.detail.chars().count() <= KEPT + 1);
        assert!(!fault.detail.contains('\u{1b}'));
    }
}
