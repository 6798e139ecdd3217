//! Keywords and hashtags within the platforms' limits.

use omniva_contracts::analysis::{Analysis, KeywordKind};
use omniva_contracts::choice::Candidate;
use omniva_contracts::record::StyleDelta;

use super::{Desk, clean, delta};
use crate::text::tokens;

/// The reference's and YouTube's limits: fifteen keywords; 500 characters with the commas between, two more for one with a space.
const MOST: usize = 15;
const TOTAL: usize = 500;
const LONGEST: usize = 30;

/// Keywords of the clip, the channel's own first, then by weight. Only what is mentioned in the clip.
pub(super) fn list(desk: &Desk<'_>, analysis: &Analysis, candidate: &Candidate) -> (Vec<String>, Vec<StyleDelta>) {
    let mut mentioned: Vec<_> = analysis
        .read
        .keywords
        .iter()
        .filter(|k| k.mentions.iter().any(|t| candidate.span.contains(*t)) && desk.was_said(&k.term))
        .collect();
    mentioned.sort_by(|a, b| {
        let own = |k: KeywordKind| k == KeywordKind::User;
        own(b.kind).cmp(&own(a.kind)).then(b.weight.total_cmp(&a.weight)).then(a.term.cmp(&b.term))
    });
    let most = (desk.config.keywords_max as usize).min(MOST);
    let (mut kept, mut deltas, mut total): (Vec<String>, Vec<StyleDelta>, usize) = (Vec::new(), Vec::new(), 0);
    for keyword in mentioned {
        let term = clean::plain(&keyword.term.replace([',', '"', '#'], " ")).to_lowercase();
        let length = term.chars().count();
        if term.is_empty() || length > LONGEST || kept.iter().any(|k| same_or_inside(k, &term)) {
            continue;
        }
        if desk.is_banned(&term) {
            deltas.push(delta("keywords", &keyword.term, "", "it holds a banned word"));
            continue;
        }
        let cost = length + if term.contains(' ') { 2 } else { 0 } + usize::from(!kept.is_empty());
        if kept.len() < most && total + cost <= TOTAL {
            total += cost;
            kept.push(term);
        }
    }
    (kept, deltas)
}

/// The new term says no more than one that is there ("times" beside "best of times").
fn same_or_inside(kept: &str, term: &str) -> bool {
    let (kept, term) = (tokens(kept), tokens(term));
    !term.is_empty() && crate::text::holds(&kept, &term.join(" "))
}

/// `#bestoftimes`; `None` when nothing that a hashtag may hold is left.
pub(super) fn hashtag(text: &str) -> Option<String> {
    let body: String = text.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let wordy = body.chars().any(char::is_alphabetic);
    (wordy && body.chars().count() <= LONGEST).then(|| format!("#{}", body.to_lowercase()))
}
