//! Burned-in captions: pages of one or two lines, each word measured with its font, placed inside the safe area and off
//! the faces; and the subtitle files beside the clip.

mod ass;
mod fonts;
pub(crate) mod pages;
mod place;
mod sidecar;
pub(crate) mod text;

use omniva_contracts::analysis::{Analysis, Word};
use omniva_contracts::config::CaptionConfig;
use omniva_contracts::fault::Fault;
use omniva_contracts::geometry::{Rect, Span, ms};
use omniva_contracts::plan::{
    CaptionMotion, CaptionPage, CaptionPlan, CaptionStyle, CaptionWord, Keep, LogoPlan, Scene,
};

pub use ass::ass;
pub use fonts::Fonts;
pub use sidecar::{srt, vtt};

use crate::timeline::{fraction, out_of};
use fonts::Measure;
use pages::{Room, Spoken};

/// A page stays this long after its last word, unless the next one comes.
const LINGER: f64 = 0.35;
/// Shorter gaps between pages are closed, so that captions do not flicker.
const CLOSE_GAP: f64 = 0.6;
/// Shortest page, where the next one leaves room.
const MIN_PAGE: f64 = 0.35;
/// How much a spoken word may grow (style `pop`).
pub(crate) const POP: f64 = 1.06;
/// Distance of lines, in line heights of the font.
const LEADING: f64 = 0.94;
/// A page with a very long word is shrunk down to this; beyond it the word is broken.
const SMALLEST: f64 = 0.7;

/// Everything that captions are planned from.
pub(crate) struct Script<'a> {
    pub analysis: &'a Analysis,
    pub words: &'a [Word],
    pub keep: &'a [Keep],
    pub scenes: &'a [Scene],
    pub logo: Option<&'a LogoPlan>,
    pub config: &'a CaptionConfig,
    pub width: u32,
    pub height: u32,
}

/// Sizes in pixels of the canvas.
pub(crate) struct Type<'a> {
    pub font: Measure<'a>,
    pub em: f64,
    /// Room around the text: outline, shadow, box.
    pub pad: f64,
    pub room: Room,
}

/// Plans the captions of a clip; the second value holds what people should know.
///
/// # Errors
/// `font_missing`.
pub(crate) fn plan(script: &Script, style: CaptionStyle, fonts: &Fonts) -> Result<(CaptionPlan, Vec<String>), Fault> {
    let kind = set_type(script, &style, fonts)?;
    let mut notes = Vec::new();
    let spoken = spoken(script, &style, &kind);
    if let Some(word) = spoken.iter().find(|w| !kind.font.draws(&text::shown(&w.text, &style))) {
        notes.push(format!("the font {} has no signs for {:?}: another font will draw them", style.font, word.text));
    }
    let mut starts = vec![0];
    starts.extend(pages::divide(&spoken, &kind.room));
    starts.push(spoken.len());
    let groups: Vec<&[Spoken]> =
        starts.windows(2).filter_map(|w| spoken.get(w[0]..w[1])).filter(|g| !g.is_empty()).collect();
    let end = script.keep.last().map_or(0.0, |k| k.out + k.source.length());
    let times = times(&groups, end);
    let blocks: Vec<Block> = groups.iter().zip(times).map(|(g, out)| Block::new(g, out, &kind)).collect();
    let anchors = place::anchors(script, &blocks, &kind);
    let pages = blocks.iter().zip(anchors).map(|(b, y)| b.page(y, script, &kind)).collect();
    Ok((CaptionPlan { style, pages }, notes))
}

fn set_type<'a>(script: &Script, style: &CaptionStyle, fonts: &'a Fonts) -> Result<Type<'a>, Fault> {
    let font = fonts.measure(style)?;
    let width = f64::from(script.width);
    // Captions keep the same share of a wide canvas as of a tall one of the same height.
    let em = style.size * width.min(f64::from(script.height));
    let boxed = if style.box_color.is_some() { 0.28 } else { 0.0 };
    let pad = em * (style.outline + style.shadow + boxed);
    let line = width * (1.0 - 2.0 * script.config.safe_side) - 2.0 * pad;
    // A growing word at the end of a line needs half of its growth outside it.
    let growth = if style.motion == CaptionMotion::Pop { 0.35 } else { 0.0 };
    // Outlines, growth and boxes eat into the space between words.
    let pop = if style.motion == CaptionMotion::Pop { 0.07 } else { 0.0 };
    let space = font.width(" ").max(0.2) + style.outline + pop + if style.box_on_word { 0.06 } else { 0.0 };
    let room = Room {
        width: (line / em - growth).max(1.0),
        space,
        lines: style.max_lines.clamp(1, 2) as usize,
        words: style.max_words_per_page.max(1) as usize,
    };
    Ok(Type { font, em, pad, room })
}

/// Words with output times, in order and without overlap; words too long for any page are broken.
fn spoken(script: &Script, style: &CaptionStyle, kind: &Type) -> Vec<Spoken> {
    let mut out: Vec<Spoken> = Vec::new();
    let mut voice = None;
    for word in script.words {
        let middle = (word.start + word.end) / 2.0;
        let kept = script.keep.iter().any(|k| middle >= k.source.start && middle <= k.source.end);
        let (Some(start), Some(end)) = (out_of(script.keep, word.start), out_of(script.keep, word.end)) else {
            continue;
        };
        let shown = text::shown(&word.text, style);
        if !kept || shown.is_empty() {
            continue;
        }
        let speaker = script.analysis.speaker_at(middle);
        let turn = speaker.is_some() && voice.is_some() && speaker != voice;
        voice = speaker.or(voice);
        let from = out.last().map_or(0.0, |w| w.out.start + 0.01).max(start);
        if let Some(last) = out.last_mut() {
            last.out.end = last.out.end.min(from);
        }
        let span = Span::new(from, end.max(from + 0.01));
        let chunks = chunks(&word.text, style, kind);
        let n = chunks.len() as f64;
        for (i, chunk) in chunks.into_iter().enumerate() {
            let part = |k: f64| span.start + span.length() * k / n;
            out.push(Spoken {
                width: kind.font.width(&text::shown(&chunk, style)),
                text: chunk,
                out: Span::new(part(i as f64), part(i as f64 + 1.0)),
                turn: turn && i == 0,
                glued: i > 0,
            });
        }
    }
    out
}

/// The word itself, or parts of it when even a shrunken line cannot hold it.
fn chunks(word: &str, style: &CaptionStyle, kind: &Type) -> Vec<String> {
    let most = kind.room.width / SMALLEST;
    let clean = text::plain(word);
    if kind.font.width(&text::shown(&clean, style)) <= most {
        return vec![clean];
    }
    let (mut parts, mut part) = (Vec::new(), String::new());
    for c in clean.chars() {
        let longer = format!("{part}{c}");
        if !part.is_empty() && kind.font.width(&text::shown(&longer, style)) > kind.room.width - 0.5 {
            parts.push(std::mem::take(&mut part) + "-");
        }
        part.push(c);
    }
    parts.push(part);
    parts
}

fn times(groups: &[&[Spoken]], end: f64) -> Vec<Span> {
    let starts: Vec<f64> = groups.iter().filter_map(|g| g.first()).map(|w| w.out.start.min(end)).collect();
    (0..groups.len())
        .map(|i| {
            let start = starts[i];
            let last = groups[i].last().map_or(start, |w| w.out.end);
            let next = starts.get(i + 1).copied().unwrap_or(end);
            let closes = next - last <= CLOSE_GAP;
            let until = if closes { next } else { (last + LINGER).max(start + MIN_PAGE).min(next) };
            Span::new(ms(start), ms(until.min(end)))
        })
        .collect()
}

/// A page before it has a place: pixels, relative to its own middle.
pub(crate) struct Block {
    pub out: Span,
    lines: Vec<Vec<Spoken>>,
    /// Shrink of the text to fit, ≤ 1.
    scale: f64,
    /// Size of the whole page with its padding.
    pub width: f64,
    pub height: f64,
}

impl Block {
    fn new(words: &[Spoken], out: Span, kind: &Type) -> Self {
        let breaks = pages::lines(words, &kind.room).unwrap_or_default();
        let at = breaks.first().copied().unwrap_or(words.len());
        let lines: Vec<Vec<Spoken>> =
            [&words[..at], &words[at..]].into_iter().filter(|l| !l.is_empty()).map(<[Spoken]>::to_vec).collect();
        let widest = lines.iter().map(|l| pages::line_width(l, &kind.room)).fold(0.0, f64::max);
        let scale = (kind.room.width / widest.max(1e-6)).min(1.0);
        let rows = lines.len() as f64;
        let line = kind.font.line * kind.em * scale;
        let height = line * (1.0 + LEADING * (rows - 1.0)) + 2.0 * kind.pad;
        let width = widest * kind.em * scale + 2.0 * kind.pad;
        Self { out, lines, scale, width, height }
    }

    /// The page with its middle at `y` pixels from the top.
    fn page(&self, y: f64, script: &Script, kind: &Type) -> CaptionPage {
        let (w, h) = (f64::from(script.width), f64::from(script.height));
        let em = kind.em * self.scale;
        let line = kind.font.line * em;
        let top = y - self.height / 2.0 + kind.pad;
        let area = |x: f64, y: f64, width: f64, height: f64| {
            Rect::new(fraction(x / w), fraction(y / h), fraction(width / w), fraction(height / h))
        };
        let mut rows = Vec::new();
        for (i, words) in self.lines.iter().enumerate() {
            let row_y = top + i as f64 * line * LEADING;
            let full = pages::line_width(words, &kind.room) * em;
            let backwards = words.iter().filter(|w| text::right_to_left(&w.text)).count() * 2 > words.len();
            let mut x = 0.0;
            let mut row = Vec::new();
            for (k, word) in words.iter().enumerate() {
                if k > 0 && !word.glued {
                    x += kind.room.space * em;
                }
                let width = word.width * em;
                let left = (w - full) / 2.0 + if backwards { full - x - width } else { x };
                let out = Span::new(ms(word.out.start.min(self.out.end)), ms(word.out.end.min(self.out.end)));
                row.push(CaptionWord { text: word.text.clone(), out, area: Some(area(left, row_y, width, line)) });
                x += width;
            }
            rows.push(row);
        }
        CaptionPage {
            out: self.out,
            lines: rows,
            area: area((w - self.width) / 2.0, y - self.height / 2.0, self.width, self.height),
        }
    }
}

#[cfg(test)]
mod tests;
