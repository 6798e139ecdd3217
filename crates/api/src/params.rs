//! Query parameters: declared once, checked before a handler runs.

use omniva_actors::office::Refusal;
use omniva_contracts::engine::Moment;
use omniva_store::Page;
use serde_json::{Value, json};
use uuid::Uuid;

const MAX_LIMIT: u64 = 200;
const MAX_OFFSET: u64 = 10_000_000;
const MAX_QUERY: usize = 8_192;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Int { min: u64, max: u64 },
    Number { min: f64, max: f64 },
    Text { max: usize },
    Id,
    Time,
    Flag,
    OneOf(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    pub name: &'static str,
    pub kind: Kind,
    pub about: &'static str,
    pub required: bool,
}

impl Param {
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, about, required: false }
    }
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// As JSON Schema.
    pub fn schema(&self) -> Value {
        match self.kind {
            Kind::Int { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
            Kind::Text { max } => json!({ "type": "string", "minLength": 1, "maxLength": max }),
            Kind::Id => json!({ "type": "string", "format": "uuid" }),
            Kind::Time => json!({ "type": "string", "format": "date-time" }),
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        }
    }

    fn fault(&self, text: &str) -> Option<String> {
        let number = || text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
        match self.kind {
            Kind::Int { min, max } => (!number().is_some_and(|n| (min..=max).contains(&n)))
                .then(|| format!("must be a whole number from {min} to {max}")),
            Kind::Number { min, max } => (!text.parse::<f64>().is_ok_and(|x| (min..=max).contains(&x)))
                .then(|| format!("must be a number from {min} to {max}")),
            Kind::Text { max } => {
                let good = !text.is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control);
                (!good).then(|| format!("must be 1 to {max} printable characters"))
            }
            Kind::Id => Uuid::try_parse(text).is_err().then(|| "must be a UUID".to_owned()),
            Kind::Time => Moment::parse(text).is_none().then(|| "must be an RFC 3339 date and time".to_owned()),
            Kind::Flag => (!matches!(text, "true" | "false")).then(|| "must be true or false".to_owned()),
            Kind::OneOf(words) => (!words.contains(&text)).then(|| format!("must be one of {}", words.join(", "))),
        }
    }
}

pub const LIMIT: Param =
    Param::new("limit", Kind::Int { min: 1, max: MAX_LIMIT }, "Items on a page, 1 to 200; 50 when left out.");
pub const OFFSET: Param =
    Param::new("offset", Kind::Int { min: 0, max: MAX_OFFSET }, "Items to leave out before the page; 0 when left out.");
pub const PAGE: [Param; 2] = [LIMIT, OFFSET];

/// Checked parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Errors: `INVALID_PAGINATION` for `limit` and `offset`, `VALIDATION_ERROR` with every parameter at fault for others.
    pub fn read(raw: &str, known: &'static [Param]) -> Result<Self, Refusal> {
        if raw.len() > MAX_QUERY {
            return Err(Refusal::new(414, "URI_TOO_LONG", "the query has more than 8192 bytes"));
        }
        let mut out = Self::default();
        let mut faults: Vec<(String, String)> = Vec::new();
        for pair in raw.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                faults.push((shortened(name), "is not percent-encoded UTF-8".to_owned()));
                continue;
            };
            let Some(param) = known.iter().find(|p| p.name == name) else {
                faults.push((shortened(&name), "is no parameter of this route".to_owned()));
                continue;
            };
            if out.text(param.name).is_some() {
                faults.push((name, "is given twice".to_owned()));
            } else if let Some(wrong) = param.fault(&value) {
                faults.push((name, wrong));
            } else {
                out.0.push((param.name, value));
            }
        }
        for param in known.iter().filter(|p| p.required) {
            let named = out.text(param.name).is_some() || faults.iter().any(|(n, _)| n == param.name);
            if !named {
                faults.push((param.name.to_owned(), "is missing".to_owned()));
            }
        }
        refuse(faults).map_or(Ok(out), Err)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }
    pub fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }
    pub fn int(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
    pub fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }
    pub fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }
    pub fn time(&self, name: &str) -> Option<Moment> {
        Moment::parse(self.text(name)?)
    }
    pub fn id<T: From<Uuid>>(&self, name: &str) -> Option<T> {
        Uuid::try_parse(self.text(name)?).ok().map(T::from)
    }
    /// Value of a closed set, through its own parser.
    pub fn word<T>(&self, name: &str, parse: fn(&str) -> Option<T>) -> Option<T> {
        parse(self.text(name)?)
    }
    pub fn page(&self) -> Page {
        self.page_of(50)
    }
    pub fn page_of(&self, limit: u64) -> Page {
        Page { limit: self.int("limit").unwrap_or(limit), offset: self.int("offset").unwrap_or(0) }
    }
}

fn refuse(faults: Vec<(String, String)>) -> Option<Refusal> {
    let paging = |name: &str| matches!(name, "limit" | "offset");
    let first = faults.first()?;
    let code = if faults.iter().all(|(n, _)| paging(n)) { "INVALID_PAGINATION" } else { "VALIDATION_ERROR" };
    let message = format!("{} {}", first.0, first.1);
    Some(Refusal { fields: faults, ..Refusal::new(400, code, message) })
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Percent-encoding and `+`; `None` for what is broken or not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    static KNOWN: [Param; 4] = [
        LIMIT,
        OFFSET,
        Param::new("status", Kind::OneOf(&["RUNNING", "PAUSED"]), ""),
        Param::new("from", Kind::Time, ""),
    ];

    #[test]
    fn good_ones_are_read() {
        let q = Query::read("limit=20&status=RUNNING&from=2024-05-07T15%3A00%3A00%2B02:00", &KNOWN).expect("read");
        assert_eq!(q.page(), Page { limit: 20, offset: 0 });
        assert_eq!(q.time("from").map(|m| m.to_string()).as_deref(), Some("2024-05-07T13:00:00.000000Z"));
    }

    #[test]
    fn faults_have_their_codes_and_all_are_named() {
        let refused = |raw| Query::read(raw, &KNOWN).expect_err("refused");
        for raw in
            ["limit=0", "limit=201", "limit=-1", "limit=abc", "offset=1e3", "limit=", "limit=1&limit=2", "limit=+5"]
        {
            assert_eq!(refused(raw).code, "INVALID_PAGINATION", "{raw}");
        }
        let many = refused("limit=0&status=x&nonsense=1&from=yesterday&%zz=1");
        assert_eq!(many.code, "VALIDATION_ERROR");
        assert_eq!(many.fields.len(), 5);
    }

    proptest! {
        #[test]
        fn any_query_is_answered(raw in "\\PC{0,80}") {
            let _ = Query::read(&raw, &KNOWN);
        }
    }
}
