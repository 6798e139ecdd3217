//! What went wrong, in words a user can act on, with a code that never changes its meaning.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a fault is treated (ARCHITECTURE, Eclipse): retry code reads only this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultClass {
    Transient,
    Permanent,
    Limit,
    Interrupted,
    Bug,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => ($text:literal, $class:ident, $exit:literal)),+ $(,)?) => {
        /// Stable codes. The text form is part of the public interface; add, never rename.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[$doc])* $name),+ }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name),+];
            pub fn as_str(self) -> &'static str { match self { $(Code::$name => $text),+ } }
            pub fn class(self) -> FaultClass { match self { $(Code::$name => FaultClass::$class),+ } }
            /// Exit status of a command that ended with this fault.
            pub fn exit(self) -> u8 { match self { $(Code::$name => $exit),+ } }
        }
    };
}

// Exit statuses: 1 our own bug · 2 usage or configuration · 3 the input was refused · 4 the machine lacks something
// (models, sandbox, memory, time) · 5 the output can't be written · 6 nothing worth clipping · 7 some clips failed ·
// 8 the store · 9 the ledger does not verify · 10 the engine's address · 11 the engine gave up · 12 a platform where clips
// are published · 130 interrupted.
codes! {
    /// An invariant of ours broke.
    Internal => ("internal", Bug, 1),
    Usage => ("usage", Permanent, 2),
    ConfigInvalid => ("config_invalid", Permanent, 2),
    InputMissing => ("input_missing", Permanent, 3),
    InputUnreadable => ("input_unreadable", Permanent, 3),
    InputEmpty => ("input_empty", Permanent, 3),
    /// Text, an archive, a picture, random bytes: no media container that we know.
    InputNotMedia => ("input_not_media", Permanent, 3),
    /// HLS, DASH, concat, SDP …, whatever the file is called: opening one would read other files or the network.
    InputPlaylist => ("input_playlist", Permanent, 3),
    InputCorrupt => ("input_corrupt", Permanent, 3),
    InputEncrypted => ("input_encrypted", Permanent, 3),
    InputDimensions => ("input_dimensions", Limit, 3),
    InputTooShort => ("input_too_short", Permanent, 3),
    InputTooLong => ("input_too_long", Limit, 3),
    /// Neither a picture nor sound that can be decoded.
    InputNoStreams => ("input_no_streams", Permanent, 3),
    InputCodec => ("input_codec", Permanent, 3),
    ModelMissing => ("model_missing", Permanent, 4),
    ModelMismatch => ("model_mismatch", Permanent, 4),
    ModelFailed => ("model_failed", Transient, 4),
    RecognizerTimeout => ("recognizer_timeout", Transient, 4),
    RecognizerHttp => ("recognizer_http", Transient, 4),
    FontMissing => ("font_missing", Permanent, 4),
    SandboxUnavailable => ("sandbox_unavailable", Permanent, 4),
    ChildKilled => ("child_killed", Transient, 4),
    ChildTimeout => ("child_timeout", Limit, 4),
    ChildMemory => ("child_memory", Limit, 4),
    EncoderFailed => ("encoder_failed", Transient, 4),
    OutputExists => ("output_exists", Permanent, 5),
    OutputUnwritable => ("output_unwritable", Permanent, 5),
    NoSpace => ("no_space", Limit, 5),
    /// Every candidate was rejected; `explain` says why.
    NothingToClip => ("nothing_to_clip", Permanent, 6),
    ClipRefused => ("clip_refused", Permanent, 7),
    Cancelled => ("cancelled", Interrupted, 130),
    /// The database does not answer, is locked for too long, or the disk under it fails.
    StoreUnavailable => ("store_unavailable", Transient, 8),
    StoreReadOnly => ("store_read_only", Permanent, 8),
    /// Written by a newer omniva.
    StoreNewer => ("store_newer", Permanent, 8),
    StoreCorrupt => ("store_corrupt", Permanent, 8),
    /// Another engine works on this store.
    StoreInUse => ("store_in_use", Permanent, 8),
    /// A packet was changed, removed or moved.
    LedgerCorrupt => ("ledger_corrupt", Permanent, 9),
    /// The engine can't be reached at its address.
    EngineUnreachable => ("engine_unreachable", Transient, 10),
    /// The engine refused the request; its own code stands in the message.
    EngineRefused => ("engine_refused", Permanent, 10),
    AddressInUse => ("address_in_use", Permanent, 10),
    /// Listening beyond loopback without keys.
    KeysMissing => ("keys_missing", Permanent, 10),
    /// A part of the actor tree failed more often than its limit allows.
    SupervisorEscalated => ("supervisor_escalated", Transient, 11),
    /// A worker's lease ran out, or its actor died.
    WorkerLost => ("worker_lost", Transient, 11),
    /// A job answered "not now" more often than its limit allows.
    WaitedTooLong => ("waited_too_long", Limit, 11),
    NotFound => ("not_found", Permanent, 2),
    /// It changed meanwhile.
    Conflict => ("conflict", Transient, 2),
    RightsUnknown => ("rights_unknown", Permanent, 3),
    /// The source does not answer, or answers with a fault of its own (5xx).
    SourceUnavailable => ("source_unavailable", Transient, 3),
    UrlInvalid => ("url_invalid", Permanent, 2),
    /// The address, or one that it led to, is no public one and not on the list of allowed ones.
    AddressRefused => ("address_refused", Permanent, 3),
    NetworkTimeout => ("network_timeout", Transient, 3),
    RateLimited => ("rate_limited", Limit, 3),
    AuthFailed => ("auth_failed", Permanent, 3),
    /// The platform wants proof that a person asks.
    NotABotCheck => ("not_a_bot_check", Limit, 3),
    /// It was removed, is private, or can't be had from here.
    Unavailable => ("unavailable", Permanent, 3),
    /// More bytes than the configuration allows.
    TooLarge => ("too_large", Permanent, 3),
    /// Longer than the configuration allows, known before anything was fetched.
    TooLong => ("too_long", Permanent, 3),
    /// No feed, or one that breaks the rules of XML.
    FeedInvalid => ("feed_invalid", Permanent, 3),
    /// A program that the engine starts is not there, or not the one that is pinned.
    ToolMissing => ("tool_missing", Permanent, 4),
    ToolFailed => ("tool_failed", Transient, 4),
    /// No time can be found for a publication; the rules in conflict stand in the message.
    SchedulerFault => ("scheduler_fault", Limit, 7),
    /// A platform gives no more before its clock fills the bucket again.
    QuotaExceeded => ("quota_exceeded", Limit, 7),
    /// The key of the vault is missing, or is another one.
    VaultLocked => ("vault_locked", Permanent, 4),
    /// The vault was changed by somebody else, or its file is damaged.
    VaultCorrupt => ("vault_corrupt", Permanent, 4),
    /// A platform can't be reached, or fails on its side.
    PlatformUnavailable => ("platform_unavailable", Transient, 12),
    /// A quota or a rate limit of a platform; `not_before_us` says until when.
    PlatformLimited => ("platform_limited", Limit, 12),
    /// A platform works on it; ask again at `not_before_us`.
    PlatformPending => ("platform_pending", Limit, 12),
    /// A platform refused what was sent, and would again.
    PlatformRefused => ("platform_refused", Permanent, 12),
    /// The account has to be connected again by its owner.
    PlatformReconnect => ("platform_reconnect", Permanent, 12),
    /// Nobody knows whether it was posted, so it is not sent again.
    Unconfirmed => ("unconfirmed", Permanent, 12),
}

/// One clear message: what happened, and what to do next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub code: Code,
    pub message: String,
    /// What the user can do about it.
    pub next_step: String,
    /// Technical detail for a bug report (tail of a log, errno), possibly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Trying again earlier is useless: microseconds since the epoch, where the other side said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_us: Option<i64>,
}

impl Fault {
    pub fn new(code: Code, message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { code, message: message.into(), next_step: next_step.into(), detail: String::new(), not_before_us: None }
    }
    /// Says when it may be tried again, microseconds since the epoch.
    pub fn not_before(mut self, us: i64) -> Self {
        self.not_before_us = Some(us);
        self
    }
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = detail.to_string();
        self
    }
    pub fn cancelled() -> Self {
        Self::new(Code::Cancelled, "stopped on request", "run the same command again: finished stages are kept")
    }
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message, "this is a bug in omniva: please report it with the run's log")
    }
    pub fn class(&self) -> FaultClass {
        self.code.class()
    }
    /// Maps an I/O error on something we write: full disk and missing rights have codes of their own.
    pub fn writing(what: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        let fault = match error.kind() {
            K::StorageFull | K::QuotaExceeded | K::FileTooLarge => Self::new(
                Code::NoSpace,
                format!("no space left while writing {what}"),
                "free some disk space, then run the same command again",
            ),
            K::PermissionDenied | K::ReadOnlyFilesystem => Self::new(
                Code::OutputUnwritable,
                format!("{what} can't be written"),
                "choose another folder with -o, or change its permissions",
            ),
            _ => Self::new(
                Code::OutputUnwritable,
                format!("{what} can't be written: {error}"),
                "check the folder given with -o",
            ),
        };
        fault.with_detail(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code.as_str())
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_of_a_code_is_its_text() {
        for code in Code::ALL {
            let wire = serde_json::to_string(code).expect("serialises");
            assert_eq!(wire, format!("\"{}\"", code.as_str()));
            assert_ne!(code.exit(), 0);
        }
    }
}
