//! A small strict reader of the page's markup: every element closed in order, every attribute quoted and given once,
//! every id unique, every link within the page leading somewhere.

use std::collections::BTreeSet;

const VOID: [&str; 5] = ["meta", "input", "img", "source", "br"];

/// What a page holds besides being well formed.
#[derive(Default)]
pub struct Page {
    /// `(element, attribute, value)` as written, in order.
    pub attributes: Vec<(String, String, String)>,
    pub ids: BTreeSet<String>,
}

impl Page {
    pub fn values(&self, element: &str, attribute: &str) -> Vec<&str> {
        self.attributes.iter().filter(|(e, a, _)| e == element && a == attribute).map(|(_, _, v)| v.as_str()).collect()
    }
}

/// Reads the page; the error tells what is wrong and where.
pub fn read(html: &str) -> Result<Page, String> {
    let mut page = Page::default();
    let mut open: Vec<String> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    while let Some(at) = rest.find('<') {
        if rest[..at].contains('>') {
            return Err(format!("a bare > before {:.60}", &rest[at..]));
        }
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('/') {
            let (name, tail) = tail.split_once('>').ok_or("an end tag never ends")?;
            let top = open.pop().ok_or_else(|| format!("</{name}> closes nothing"))?;
            if top != name {
                return Err(format!("</{name}> closes <{top}>"));
            }
            rest = tail;
            continue;
        }
        let (name, closed, tail) = tag(rest, &mut page)?;
        rest = tail;
        if name == "script" || name == "style" {
            let end = format!("</{name}>");
            rest = rest.split_once(&end).ok_or("a raw element never ends")?.1;
        } else if !closed && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    if !open.is_empty() {
        return Err(format!("left open: {open:?}"));
    }
    for target in page.values("a", "href").into_iter().filter_map(|h| h.strip_prefix('#')) {
        if !page.ids.contains(target) {
            return Err(format!("#{target} leads nowhere"));
        }
    }
    Ok(page)
}

/// One start tag: its name, whether it closes itself, and what follows.
fn tag<'a>(text: &'a str, page: &mut Page) -> Result<(String, bool, &'a str), String> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).ok_or("a tag never ends")?;
    let name = text[..end].to_owned();
    if name.is_empty() {
        return Err(format!("a bare < before {text:.60}"));
    }
    let mut rest = &text[end..];
    let mut seen = BTreeSet::new();
    loop {
        rest = rest.trim_start_matches([' ', '\n']);
        if let Some(tail) = rest.strip_prefix("/>") {
            return Ok((name, true, tail));
        }
        if let Some(tail) = rest.strip_prefix('>') {
            return Ok((name, false, tail));
        }
        let end = rest.find(['=', ' ', '>', '/', '"', '<']).ok_or("an attribute never ends")?;
        let attribute = rest[..end].to_owned();
        if attribute.is_empty() || !seen.insert(attribute.clone()) {
            return Err(format!("<{name}> has a bad or doubled attribute before {rest:.60}"));
        }
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(tail) = rest.strip_prefix("=\"") {
            let (inner, tail) = tail.split_once('"').ok_or("a value never ends")?;
            value = inner.to_owned();
            rest = tail;
        }
        if attribute == "id" && !page.ids.insert(value.clone()) {
            return Err(format!("the id {value} is given twice"));
        }
        page.attributes.push((name.clone(), attribute, value));
    }
}
