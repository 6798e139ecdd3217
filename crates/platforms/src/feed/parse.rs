//! RSS 0.9x to 2.0, RSS 1.0 and Atom, with the podcast and media extensions.
//!
//! One pass without recursion. Entities of a document's own are never expanded: a document that declares any is refused.
//! Extensions are known by their usual prefixes or by what the root element binds.

use std::collections::BTreeMap;

use omniva_contracts::Fault;
use omniva_contracts::engine::{Moment, PostDetails};
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;
use url::Url;

use super::invalid;
use crate::media::tidy;
use crate::net::{joined, moment};

const MAX_DEPTH: usize = 64;
const MAX_ATTRIBUTES: usize = 64;
/// Entries that are read; what follows is older.
const MAX_ENTRIES: usize = 5000;
const MAX_ENCLOSURES: usize = 20;
/// Bytes of one text.
const MAX_TEXT: usize = 64 * 1024;

/// A file that belongs to an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Enclosure {
    /// Absolute; not yet seen by the guard.
    pub url: String,
    pub media_type: Option<String>,
    pub bytes: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    pub id: Option<String>,
    pub title: String,
    pub page: Option<String>,
    pub published: Option<Moment>,
    pub enclosures: Vec<Enclosure>,
    pub details: PostDetails,
    updated: Option<Moment>,
}

impl Entry {
    pub fn at(&self) -> Option<Moment> {
        self.published.or(self.updated)
    }
}

/// Whose names an element uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Plain,
    Itunes,
    Media,
    Dublin,
    Content,
    Other,
}

/// What namespaces are called by those who own them, or a part of it that tells.
const SPACES: [(&str, Space); 9] = [
    ("http://www.itunes.com/dtds/podcast-1.0.dtd", Space::Itunes),
    ("http://search.yahoo.com/mrss", Space::Media),
    ("http://search.yahoo.com/mrss/", Space::Media),
    ("http://purl.org/dc/elements/1.1/", Space::Dublin),
    ("http://purl.org/dc/terms/", Space::Dublin),
    ("http://purl.org/rss/1.0/modules/content/", Space::Content),
    ("http://www.w3.org/2005/Atom", Space::Plain),
    ("http://purl.org/rss/1.0/", Space::Plain),
    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", Space::Plain),
];

fn usual(prefix: &str) -> Space {
    match prefix {
        "" | "atom" | "rdf" | "rss" => Space::Plain,
        "itunes" => Space::Itunes,
        "media" => Space::Media,
        "dc" | "dcterms" => Space::Dublin,
        "content" => Space::Content,
        _ => Space::Other,
    }
}

struct Open {
    space: Space,
    name: String,
    /// The base of relative links outside of this element, where it set its own.
    outer: Option<Url>,
}

struct Parser {
    prefixes: BTreeMap<String, Space>,
    open: Vec<Open>,
    base: Url,
    text: String,
    entry: Option<Entry>,
    entries: Vec<Entry>,
    rooted: bool,
}

/// Reads a document; `base` is where it came from.
///
/// # Errors
/// `feed_invalid`.
pub(super) fn parse(text: &str, base: &Url) -> Result<Vec<Entry>, Fault> {
    let mut reader = Reader::from_str(text);
    // Links with a bare & are everywhere.
    reader.config_mut().allow_dangling_amp = true;
    reader.config_mut().check_end_names = true;
    let mut parser = Parser {
        prefixes: BTreeMap::new(),
        open: Vec::new(),
        base: base.clone(),
        text: String::new(),
        entry: None,
        entries: Vec::new(),
        rooted: false,
    };
    loop {
        let event = reader.read_event().map_err(|error| {
            invalid("it breaks the rules of XML").with_detail(format!("at byte {}: {error}", reader.error_position()))
        })?;
        match event {
            Event::Start(tag) => parser.start(&tag)?,
            Event::Empty(tag) => {
                parser.start(&tag)?;
                parser.end();
            }
            Event::End(_) => parser.end(),
            Event::Text(text) => parser.add(&text.xml10_content()),
            Event::CData(data) => parser.add(&data.xml10_content()),
            Event::GeneralRef(reference) => parser.reference(&reference)?,
            Event::DocType(text) if text.contains('[') || text.to_ascii_uppercase().contains("ENTITY") => {
                return Err(invalid("it declares entities of its own"));
            }
            Event::Eof => break,
            _ => {}
        }
        if parser.entries.len() >= MAX_ENTRIES {
            return Ok(parser.entries);
        }
    }
    match (parser.rooted, parser.open.is_empty()) {
        (true, true) => Ok(parser.entries),
        (true, false) => Err(invalid("it ends before its end")),
        (false, _) => Err(invalid("there is no XML in it")),
    }
}

impl Parser {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(invalid("its elements lie too deep in each other"));
        }
        let name = tag.name();
        let (prefix, local) = name.as_ref().split_once(':').unwrap_or(("", name.as_ref()));
        let attributes = attributes(tag);
        if !self.rooted {
            self.root(local, &attributes)?;
        }
        let space = self.prefixes.get(prefix).copied().unwrap_or_else(|| usual(prefix));
        let base = attributes.get("xml:base").and_then(|base| self.base.join(base).ok());
        let outer = base.map(|base| std::mem::replace(&mut self.base, base));
        if space == Space::Plain && matches!(local, "item" | "entry") && self.entry.is_none() {
            self.entry = Some(Entry::default());
        } else {
            self.opened(space, local, &attributes);
        }
        self.open.push(Open { space, name: local.to_owned(), outer });
        self.text.clear();
        Ok(())
    }

    fn root(&mut self, name: &str, attributes: &BTreeMap<String, String>) -> Result<(), Fault> {
        match name {
            "rss" | "feed" | "RDF" => {}
            _ if name.eq_ignore_ascii_case("html") => return Err(invalid("it is a page, not a feed")),
            _ => return Err(invalid("it is neither RSS nor Atom")),
        }
        for (key, value) in attributes {
            let known = SPACES.iter().find(|(uri, _)| uri == value).map(|(_, space)| *space);
            if let (Some(prefix), Some(space)) = (key.strip_prefix("xmlns:"), known) {
                self.prefixes.insert(prefix.to_owned(), space);
            }
        }
        self.rooted = true;
        Ok(())
    }

    /// What an element says by its attributes.
    fn opened(&mut self, space: Space, name: &str, attributes: &BTreeMap<String, String>) {
        let Some(entry) = self.entry.as_mut() else { return };
        let get = |name: &str| attributes.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let enclosure = |link: &str, size: Option<&str>| {
            let url = joined(&self.base, link).ok()?;
            Some(Enclosure {
                url,
                media_type: get("type").map(str::to_ascii_lowercase),
                // Many write 0 or 1 for what they do not know.
                bytes: size.and_then(|size| size.parse().ok()).filter(|size| *size > 1),
            })
        };
        let found = match (space, name) {
            (Space::Plain, "enclosure") => {
                get("url").or(get("resource")).and_then(|link| enclosure(link, get("length")))
            }
            (Space::Plain, "link") => {
                let link = get("href");
                match get("rel") {
                    Some("enclosure") => link.and_then(|link| enclosure(link, get("length"))),
                    None | Some("alternate") => {
                        entry.page = entry.page.take().or(link.and_then(|link| joined(&self.base, link).ok()));
                        None
                    }
                    Some(_) => None,
                }
            }
            (Space::Media, "content") if !matches!(get("medium"), Some("image" | "document" | "executable")) => {
                get("url").and_then(|link| enclosure(link, get("fileSize")))
            }
            (Space::Plain, "category") => {
                entry.details.tags.extend(get("term").map(|term| tidy(term, 100)));
                None
            }
            (Space::Media, "statistics") => {
                entry.details.views = get("views").and_then(|views| views.parse().ok());
                None
            }
            _ => None,
        };
        let images =
            found.as_ref().and_then(|e| e.media_type.as_deref()).is_some_and(|kind| kind.starts_with("image/"));
        if entry.enclosures.len() < MAX_ENCLOSURES && !images {
            entry.enclosures.extend(found);
        }
    }

    fn add(&mut self, text: &str) {
        let room = MAX_TEXT.saturating_sub(self.text.len());
        let end = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.text.push_str(text.get(..end).unwrap_or_default());
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Fault> {
        let broken = |error| invalid("it breaks the rules of XML").with_detail(error);
        match reference.resolve_char_ref().map_err(broken)? {
            Some(found) => self.add(found.encode_utf8(&mut [0; 4])),
            // Entities of HTML have no meaning here; a blank keeps the words apart.
            None => self.add(resolve_predefined_entity(reference).unwrap_or(" ")),
        }
        Ok(())
    }

    fn end(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        if let Some(outer) = closed.outer {
            self.base = outer;
        }
        let text = std::mem::take(&mut self.text);
        let is_entry = closed.space == Space::Plain && matches!(closed.name.as_str(), "item" | "entry");
        let parent = self.open.last().map(|open| (open.space, open.name.as_str()));
        let top = matches!(parent, Some((Space::Plain, "item" | "entry")));
        if is_entry && !top {
            self.entries.extend(self.entry.take());
        } else if let Some(entry) = self.entry.as_mut() {
            let author = matches!(parent, Some((Space::Plain, "author")));
            let group = matches!(parent, Some((Space::Media, "group" | "community")));
            if top || group {
                said(entry, closed.space, &closed.name, &text, &self.base);
            } else if author && closed.name == "name" {
                entry.details.author.get_or_insert_with(|| tidy(&text, 200));
            }
        }
    }
}

/// What an element says by its text.
fn said(entry: &mut Entry, space: Space, name: &str, text: &str, base: &Url) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    let details = &mut entry.details;
    match (space, name) {
        (Space::Plain, "guid" | "id") => entry.id = Some(text.to_owned()),
        (Space::Plain, "title") => entry.title = tidy(text, 200),
        (Space::Itunes | Space::Media, "title") if entry.title.is_empty() => entry.title = tidy(text, 200),
        (Space::Plain, "link") if entry.page.is_none() => entry.page = joined(base, text).ok(),
        (Space::Plain, "pubDate" | "published") => entry.published = moment(text).or(entry.published),
        (Space::Dublin, "date" | "created") => entry.published = entry.published.or(moment(text)),
        (Space::Plain, "updated") => entry.updated = moment(text).or(entry.updated),
        (Space::Plain, "description" | "summary") => details.description = Some(tidy(text, PostDetails::MAX_TEXT)),
        (Space::Itunes, "summary")
        | (Space::Content, "encoded")
        | (Space::Plain, "content")
        | (Space::Media, "description") => {
            details.description.get_or_insert_with(|| tidy(text, PostDetails::MAX_TEXT));
        }
        (Space::Plain | Space::Itunes, "author") | (Space::Dublin, "creator") => {
            details.author.get_or_insert_with(|| tidy(text, 200));
        }
        (Space::Plain, "category") => details.tags.push(tidy(text, 100)),
        (Space::Itunes | Space::Media, "keywords") => details.tags.extend(text.split(',').map(|tag| tidy(tag, 100))),
        (Space::Itunes, "duration") => details.duration_seconds = duration(text),
        _ => {}
    }
}

/// `hh:mm:ss`, `mm:ss` or seconds.
fn duration(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    for part in parts {
        let part: f64 = part.trim().parse().ok().filter(|part: &f64| part.is_finite() && *part >= 0.0)?;
        seconds = seconds * 60.0 + part;
    }
    (seconds < 1e6).then_some(seconds)
}

/// Attributes by their full names. What can't be read is left out; a bare & in a link stays one.
fn attributes(tag: &BytesStart<'_>) -> BTreeMap<String, String> {
    let value = |found: &quick_xml::events::attributes::Attribute<'_>| {
        let plain = found.normalized_value(XmlVersion::Implicit1_0);
        plain.map_or_else(|_| found.value.replace("&amp;", "&"), |value| value.into_owned())
    };
    tag.attributes()
        .with_checks(false)
        .take(MAX_ATTRIBUTES)
        .filter_map(Result::ok)
        .map(|found| (found.key.as_ref().to_owned(), value(&found)))
        .collect()
}
