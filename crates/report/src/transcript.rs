//! What was said in the source, sentence by sentence.

use crate::escape::Short;
use crate::format::{clock, count, finite};
use crate::view::View;

/// Bytes of sentences on the page; the rest of a very long source stands in run.json.
const ROOM: usize = 1_000_000;

pub fn section(out: &mut String, view: &View<'_>) {
    let t = view.timeline();
    if t.sentences.is_empty() {
        return;
    }
    put!(
        out,
        "<section id=\"transcript\" aria-labelledby=\"h-transcript\"><div class=\"section-head\"><h2 id=\"h-transcript\">What was said</h2></div><details class=\"wide\"><summary>{}</summary><ol class=\"said-list\">",
        count(t.sentences.len(), "sentence", "sentences")
    );
    let begin = out.len();
    let mut shown = 0;
    for s in &t.sentences {
        if out.len() - begin > ROOM {
            break;
        }
        put!(
            out,
            "<li data-s=\"{:.3}\" data-e=\"{:.3}\"><span class=\"at\">{}</span><span class=\"who\"><i class=\"v{}\"></i>{}</span><span class=\"line\" dir=\"auto\">{}</span></li>",
            finite(s.start),
            finite(s.end),
            clock(s.start),
            s.speaker % 8,
            u64::from(s.speaker) + 1,
            Short(&s.text, 600)
        );
        shown += 1;
    }
    out.push_str("</ol>");
    if shown < t.sentences.len() {
        put!(out, "<p class=\"quiet\">{} more stand in run.json.</p>", t.sentences.len() - shown);
    }
    out.push_str("</details></section>");
}
