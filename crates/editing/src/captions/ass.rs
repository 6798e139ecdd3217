//! Captions as an Advanced SubStation script for libass: every word is an event of its own at its measured place, so that
//! a word may change without moving its neighbours.

use std::fmt::Write;

use omniva_contracts::plan::{CaptionMotion, CaptionPage, CaptionStyle, CaptionWord, EditPlan};

use super::POP;
use super::text::{for_ass, shown};

/// Entry of a page, milliseconds.
const ENTRY: i64 = 130;

/// The captions of `plan` as an ASS script; a script without events when the plan has none.
pub fn ass(plan: &EditPlan) -> String {
    let mut out = String::new();
    let (w, h) = (plan.canvas.width, plan.canvas.height);
    let _ = write!(
        out,
        "[Script Info]\nScriptType: v4.00+\nPlayResX: {w}\nPlayResY: {h}\nWrapStyle: 2\nScaledBorderAndShadow: yes\n\
         YCbCr Matrix: None\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, \
         OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, \
         Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
    );
    if let Some(captions) = &plan.captions {
        let pen = Pen::new(&captions.style, w, h);
        pen.styles(&mut out);
        out.push_str("\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n");
        for page in &captions.pages {
            pen.page(&mut out, page);
        }
    } else {
        out.push_str("\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n");
    }
    out
}

struct Pen<'a> {
    style: &'a CaptionStyle,
    w: f64,
    h: f64,
    /// Size of the text, pixels.
    em: f64,
}

impl<'a> Pen<'a> {
    fn new(style: &'a CaptionStyle, w: u32, h: u32) -> Self {
        Self { style, w: f64::from(w), h: f64::from(h), em: style.size * f64::from(w.min(h)) }
    }

    fn styles(&self, out: &mut String) {
        let s = self.style;
        let font: String = for_ass(&s.font).replace(',', " ");
        // A family without a weight in its name needs the flag to pick its bold face.
        let bold = s.font_file.to_lowercase().contains("bold") && !s.font.to_lowercase().contains("bold");
        let _ = writeln!(
            out,
            "Style: Word,{font},{:.1},{},{},{},&H90000000,{},0,0,0,100,100,0,0,1,{:.1},{:.1},5,0,0,0,1",
            self.em * 1.2,
            color(&s.color),
            color(&s.color),
            color(&s.outline_color),
            if bold { -1 } else { 0 },
            s.outline * self.em,
            s.shadow * self.em,
        );
        let fill = s.box_color.as_deref().unwrap_or("#00000000");
        let _ = writeln!(out, "Style: Box,{font},20,{0},{0},{0},{0},0,0,0,0,100,100,0,0,1,0,0,7,0,0,0,1", color(fill),);
    }

    fn page(&self, out: &mut String, page: &CaptionPage) {
        let (start, end) = (cs(page.out.start), cs(page.out.end));
        if end <= start {
            return;
        }
        if self.style.box_color.is_some() && !self.style.box_on_word {
            let a = page.area;
            self.rounded(out, start, end, [a.x * self.w, a.y * self.h, a.w * self.w, a.h * self.h]);
        }
        let words: Vec<&CaptionWord> = page.lines.iter().flatten().collect();
        for (i, word) in words.iter().enumerate() {
            let from = cs(word.out.start).clamp(start, end);
            let to = words.get(i + 1).map_or(end, |n| cs(n.out.start)).clamp(from, end);
            self.word(out, word, page, [start, from, to, end]);
        }
    }

    /// One word through its page: before it is spoken, while it is, and after.
    fn word(&self, out: &mut String, word: &CaptionWord, page: &CaptionPage, [start, from, to, end]: [i64; 4]) {
        let text = for_ass(&shown(&word.text, self.style));
        let area = word.area.unwrap_or(page.area);
        let (x, y) = ((area.x + area.w / 2.0) * self.w, (area.y + area.h / 2.0) * self.h);
        let size = if word.area.is_some() { area.h * self.h } else { self.em * 1.2 };
        let mut say = |a: i64, b: i64, first: bool, look: &str| {
            if b > a {
                let place = self.place(x, y, size, first, b - a);
                let (a, b) = (clock(a), clock(b));
                let _ = writeln!(out, "Dialogue: 1,{a},{b},Word,,0,0,0,,{{{place}{look}}}{text}");
            }
        };
        if self.style.motion == CaptionMotion::Reveal {
            say(from, end, true, "");
            return;
        }
        say(start, from, true, "");
        let same = self.style.highlight == self.style.color && self.style.motion == CaptionMotion::None;
        let mut look = if same { String::new() } else { colors(&self.style.highlight) };
        if self.style.motion == CaptionMotion::Pop {
            let (peak, rest) = ((POP * 100.0).round(), ((POP + 1.0) * 50.0).round());
            let _ = write!(look, "\\t(0,70,\\fscx{peak}\\fscy{peak})\\t(70,180,\\fscx{rest}\\fscy{rest})");
        }
        if self.style.box_on_word {
            look.push_str("\\bord0\\shad0");
        }
        say(from, to, from == start, &look);
        say(to, end, false, "");
        if self.style.box_on_word && self.style.box_color.is_some() {
            let (px, py) = (0.17 * self.em, -0.02 * self.em);
            let b =
                [area.x * self.w - px, area.y * self.h - py, area.w * self.w + 2.0 * px, area.h * self.h + 2.0 * py];
            self.rounded(out, from, to, b);
        }
    }

    fn place(&self, x: f64, y: f64, size: f64, first: bool, lasts: i64) -> String {
        let entry = ENTRY.min(lasts * 10);
        let rises = self.style.motion == CaptionMotion::Rise && first;
        if rises {
            let below = y + 0.35 * self.em;
            format!("\\an5\\fs{size:.1}\\move({x:.1},{below:.1},{x:.1},{y:.1},0,{entry})\\fad({},0)", entry / 2)
        } else {
            format!("\\an5\\fs{size:.1}\\pos({x:.1},{y:.1})")
        }
    }

    /// A filled box with round corners, as a vector drawing: `[x, y, w, h]` in pixels.
    fn rounded(&self, out: &mut String, from: i64, to: i64, [x, y, w, h]: [f64; 4]) {
        if to <= from || w <= 0.0 || h <= 0.0 {
            return;
        }
        let r = (0.2 * self.em).min(w / 2.0).min(h / 2.0);
        // Control points of a quarter circle lie at 0.4477 of the radius from the corner.
        let k = r * 0.4477;
        let (a, b) = (clock(from), clock(to));
        let _ = writeln!(
            out,
            "Dialogue: 0,{a},{b},Box,,0,0,0,,{{\\an7\\pos({x:.1},{y:.1})\\p1}}m {r:.1} 0 l {wr:.1} 0 b {wk:.1} 0 {w:.1} \
             {k:.1} {w:.1} {r:.1} l {w:.1} {hr:.1} b {w:.1} {hk:.1} {wk:.1} {h:.1} {wr:.1} {h:.1} l {r:.1} {h:.1} \
             b {k:.1} {h:.1} 0 {hk:.1} 0 {hr:.1} l 0 {r:.1} b 0 {k:.1} {k:.1} 0 {r:.1} 0{{\\p0}}",
            wr = w - r,
            wk = w - k,
            hr = h - r,
            hk = h - k,
        );
    }
}

/// Hundredths of a second, the clock of ASS.
fn cs(t: f64) -> i64 {
    (t * 100.0).round().max(0.0) as i64
}

fn clock(cs: i64) -> String {
    format!("{}:{:02}:{:02}.{:02}", cs / 360_000, cs / 6000 % 60, cs / 100 % 60, cs % 100)
}

/// Red, green, blue and opacity of `#RRGGBB` or `#RRGGBBAA`; white when it is neither.
fn parts(color: &str) -> [u8; 4] {
    let hex = color.trim_start_matches('#');
    let byte = |i: usize| hex.get(i * 2..i * 2 + 2).and_then(|h| u8::from_str_radix(h, 16).ok()).unwrap_or(0xff);
    [byte(0), byte(1), byte(2), byte(3)]
}

/// ASS writes blue first and transparency instead of opacity.
fn color(text: &str) -> String {
    let [r, g, b, a] = parts(text);
    format!("&H{:02X}{b:02X}{g:02X}{r:02X}", 255 - a)
}

fn colors(text: &str) -> String {
    let [r, g, b, a] = parts(text);
    format!("\\1c&H{b:02X}{g:02X}{r:02X}&\\1a&H{:02X}&", 255 - a)
}
