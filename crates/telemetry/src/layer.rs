//! The one layer: gathers an event with its spans' fields, takes secrets out, writes a line, hands a row on.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use omniva_contracts::engine::{LogId, LogLevel, LogRow, Moment};
use omniva_contracts::ports::{Clock, Ids};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Id, Level, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::entry::{Entry, human, json};
use crate::output::Sink;
use crate::{meter, redact};

/// Events of this target are written as lines but not stored: the log-writer uses it for its own trouble, so that a
/// failure to store a row does not make another row.
pub const UNSTORED_TARGET: &str = "omniva_log_writer";

/// One text is cut after this many bytes, in lines and rows.
const TEXT_MAX: usize = 8 * 1024;
/// An event keeps this many fields, its spans' included.
const FIELDS_MAX: usize = 64;

/// Where rows go. Full: the row is dropped and counted; logging never waits.
pub(crate) struct Rows {
    pub sender: mpsc::Sender<LogRow>,
    pub ids: Mutex<Box<dyn Ids + Send>>,
    /// The least level that is stored.
    pub level: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Json,
    Human { colours: bool },
}

pub(crate) struct LinesLayer {
    clock: Arc<dyn Clock + Send + Sync>,
    sink: Sink,
    style: Style,
    rows: Option<Rows>,
}

impl LinesLayer {
    pub(crate) fn new(clock: Arc<dyn Clock + Send + Sync>, sink: Sink, style: Style, rows: Option<Rows>) -> Self {
        Self { clock, sink, style, rows }
    }

    fn put(&self, entry: Entry) {
        let line = match self.style {
            Style::Json => json(&entry),
            Style::Human { colours } => human(&entry, colours),
        };
        if self.sink.write(line).is_err() {
            // There is no other place to say it.
            meter::log_lines_lost(1);
        }
        if let Some(rows) = &self.rows
            && entry.level <= rows.level
            && entry.target != UNSTORED_TARGET
        {
            let log_id = LogId(rows.ids.lock().unwrap_or_else(PoisonError::into_inner).next());
            if rows.sender.try_send(row(entry, log_id)).is_err() {
                meter::log_rows_dropped(1);
            }
        }
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    values: BTreeMap<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name().strip_prefix("r#").unwrap_or(field.name());
        let value = match value {
            _ if redact::is_secret_name(name) => Value::from(redact::REDACTED),
            Value::String(text) => Value::from(clean(&text)),
            other => other,
        };
        if name == "message" {
            self.message = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
        } else if self.values.len() < FIELDS_MAX || self.values.contains_key(name) {
            self.values.insert(name.to_owned(), value);
        }
    }
    fn text(&mut self, field: &Field, text: &str) {
        self.put(field, Value::from(text));
    }
}

/// Without secrets, and not too long: cut at a space well behind the limit first, so that no more than that is searched and
/// no secret is halved before it is recognised.
fn clean(text: &str) -> String {
    let mut head = upto(text, 2 * TEXT_MAX);
    if head.len() < text.len()
        && let Some(space) = head.rfind(char::is_whitespace)
    {
        head = upto(head, space);
    }
    let clean = redact::text(head);
    let kept = upto(&clean, TEXT_MAX);
    let cut = kept.len() < clean.len() || head.len() < text.len();
    if cut { format!("{kept}…") } else { clean.into_owned() }
}

/// The longest beginning of at most `bytes` bytes.
fn upto(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN and no infinity.
        let number = serde_json::Number::from_f64(value).map_or_else(|| Value::from(value.to_string()), Value::Number);
        self.put(field, number);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(inner) = cause {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {inner}");
            cause = inner.source();
        }
        self.text(field, &text);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

impl<S> Layer<S> for LinesLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        // The runtime's own spans number its actors; ours name them.
        if attributes.metadata().target().starts_with("ractor") {
            return;
        }
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(fields);
        }
    }
    fn on_record(&self, id: &Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.values.extend(outer.values.clone());
            }
        }
        while fields.values.len() > FIELDS_MAX {
            fields.values.pop_last();
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        self.put(Entry {
            at: Moment(self.clock.now_us()),
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            message: fields.message,
            fields: fields.values,
        });
    }
}

/// The row of an entry: its ids in their columns, the rest as metadata.
pub(crate) fn row(entry: Entry, log_id: LogId) -> LogRow {
    let level = match entry.level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        _ => LogLevel::Debug,
    };
    let mut fields = entry.fields;
    let source = match fields.get("actor").and_then(Value::as_str) {
        Some(actor) => actor.to_owned(),
        None => entry.target.clone(),
    };
    let mut metadata = Map::new();
    let (project_id, job_id) = (take(&mut fields, "project_id"), take(&mut fields, "job_id"));
    let (trace_id, stage) = (take(&mut fields, "trace_id"), take(&mut fields, "stage"));
    metadata.insert("target".into(), entry.target.into());
    metadata.extend(fields);
    LogRow {
        log_id,
        source,
        level,
        message: entry.message,
        project_id,
        job_id,
        trace_id,
        stage,
        metadata: Value::Object(metadata),
        created_at: entry.at,
    }
}

/// What cannot be read as such stays where it was.
fn take<T: FromStr>(fields: &mut BTreeMap<String, Value>, name: &str) -> Option<T> {
    let value = fields.get(name)?.as_str()?.parse().ok()?;
    fields.remove(name);
    Some(value)
}

#[cfg(test)]
mod tests {
    use omniva_contracts::ports::Seeded;
    use tracing::{debug, error, info, info_span};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::output::{FileLimits, Output};

    const JOB: &str = "6b1f2f5a-0c53-4a35-9c0e-0d4c3a3c9a11";
    const TRACE: &str = "5f0d3a60-62f4-4b6e-9b7e-2f7f6a3f9b22";

    struct At(i64);
    impl Clock for At {
        fn now_us(&self) -> i64 {
            self.0
        }
    }

    struct Seen {
        lines: Vec<String>,
        rows: Vec<LogRow>,
    }

    /// Lines and rows that `run` makes, with room for `places` rows.
    fn seen(style: Style, places: usize, run: impl FnOnce()) -> Seen {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let sink = Sink::open(&Output::File(path.clone()), FileLimits::default()).unwrap();
        let (sender, mut receiver) = mpsc::channel(places);
        let rows = Rows { sender, ids: Mutex::new(Box::new(Seeded::new(b"log"))), level: Level::INFO };
        let layer = LinesLayer::new(Arc::new(At(1_715_094_000_123_456)), sink, style, Some(rows));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), run);
        let mut rows = Vec::new();
        while let Ok(row) = receiver.try_recv() {
            rows.push(row);
        }
        Seen { lines: std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect(), rows }
    }

    #[test]
    fn spans_are_flattened_into_the_line_and_the_row() {
        let seen = seen(Style::Json, 8, || {
            let outer = info_span!("job", trace_id = %TRACE, job_id = JOB, stage = "INIT", attempt = 1);
            let _outer = outer.enter();
            let inner = info_span!("step", actor = "editor", stage = "RENDER", frames = tracing::field::Empty);
            let _inner = inner.enter();
            inner.record("frames", 240);
            info!(target: "omniva_actors::editor", attempt = 2, ratio = 0.5, ok = true, "rendered {}", "clip");
        });
        assert_eq!(
            seen.lines,
            [format!(
                r#"{{"ts":"2024-05-07T15:00:00.123456Z","level":"INFO","target":"omniva_actors::editor","msg":"rendered clip","trace_id":"{TRACE}","job_id":"{JOB}","stage":"RENDER","attempt":2,"actor":"editor","frames":240,"ok":true,"ratio":0.5}}"#
            )]
        );
        let row = &seen.rows[0];
        assert_eq!((row.source.as_str(), row.level, row.message.as_str()), ("editor", LogLevel::Info, "rendered clip"));
        assert_eq!(row.job_id.map(|id| id.to_string()).as_deref(), Some(JOB));
        assert_eq!(row.trace_id.map(|id| id.to_string()).as_deref(), Some(TRACE));
        assert_eq!((row.stage.as_deref(), row.project_id), (Some("RENDER"), None));
        assert_eq!(row.created_at, Moment(1_715_094_000_123_456));
        assert_eq!(
            row.metadata,
            serde_json::json!({ "target": "omniva_actors::editor", "attempt": 2, "actor": "editor", "frames": 240, "ok": true, "ratio": 0.5 })
        );
    }

    #[test]
    fn secrets_reach_neither_lines_nor_rows() {
        let seen = seen(Style::Json, 8, || {
            let span = info_span!("request", authorization = "Bearer s3cret-a", cookie = ?vec!["s3cret-b"]);
            let _span = span.enter();
            info!(upload_token = "s3cret-c", password = 123456, "called with omv_s3cretd and Bearer s3cret-e");
            let error = std::io::Error::other("refused: https://user:s3cret-f@host/?access_token=s3cret-g");
            error!(error = &error as &dyn std::error::Error, header = "Set-Cookie: s3cret-h; path=/", "failed");
        });
        let written = format!("{:?}{:?}", seen.lines, seen.rows);
        assert!(
            !written.contains("s3cret") && !written.contains("123456,") && !written.contains("Number(123456)"),
            "{written}"
        );
        assert!(seen.lines[0].contains(r#""password":"[redacted]""#), "{}", seen.lines[0]);
        assert!(
            seen.lines[1].contains("refused: https://[redacted]@host/?access_token=[redacted]"),
            "{}",
            seen.lines[1]
        );
    }

    #[test]
    fn a_full_channel_drops_and_counts() {
        let recorder = crate::install::recorder().unwrap();
        let seen =
            metrics::with_local_recorder(&recorder, || seen(Style::Json, 2, || (0..5).for_each(|n| info!(n, "event"))));
        assert_eq!((seen.lines.len(), seen.rows.len()), (5, 2));
        assert!(recorder.handle().render().contains("omniva_log_rows_dropped_total 3"));
    }

    #[test]
    fn the_log_writers_own_words_and_details_are_not_stored() {
        let seen = seen(Style::Json, 8, || {
            error!(target: UNSTORED_TARGET, "the store is away");
            debug!("detail");
        });
        assert_eq!((seen.lines.len(), seen.rows.len()), (2, 0));
    }

    #[test]
    fn long_and_odd_texts_stay_one_line_of_json() {
        let long = "ä".repeat(10_000);
        let seen = seen(Style::Json, 8, || {
            info!(text = %long, ts = "shadow", nan = f64::NAN, "a \"quoted\"\nmessage \u{1b}[31m");
        });
        assert_eq!(seen.lines.len(), 1);
        let line: Value = serde_json::from_str(&seen.lines[0]).unwrap();
        assert_eq!(line["msg"], "a \"quoted\"\nmessage \u{1b}[31m");
        assert_eq!(line["text"].as_str().unwrap().len(), TEXT_MAX + '…'.len_utf8());
        assert_eq!((&line["field_ts"], &line["nan"]), (&"shadow".into(), &"NaN".into()));
        assert_eq!(line["ts"], "2024-05-07T15:00:00.123456Z");
    }

    #[test]
    fn a_very_long_text_is_cut_before_it_is_searched() {
        let far = format!("{} omv_farfarfar", "_ ".repeat(TEXT_MAX));
        assert_eq!(clean(&far).len(), TEXT_MAX + '…'.len_utf8());
        // Redaction shortens what comes before: a secret behind the limit must not move in.
        let many = format!("{}https://u:s3cret@host/", "omv_abcdefghijklmnopqrstuvwxyz0123456789 ".repeat(1000));
        assert!(!clean(&many).contains("s3cret") && !clean(&many).contains("abcdef"));
        assert_eq!(clean("short"), "short");
    }

    #[test]
    fn for_eyes() {
        let seen = seen(Style::Human { colours: false }, 8, || {
            info!(target: "zenith", job_id = JOB, why = "two words", empty = "", "started\x07");
        });
        assert_eq!(
            seen.lines,
            [format!(r#"15:00:00.123  INFO zenith: started\u{{7}} job_id={JOB} empty="" why="two words""#)]
        );
    }
}
