//! The analysis, prepared once so that a window of any length is looked at in constant time: words per sentence, running
//! sums, embeddings as running sums of whole numbers (exact, so the order of addition does not matter).

use std::collections::BTreeMap;

use base64::Engine as _;
use omniva_contracts::Span;
use omniva_contracts::analysis::{Analysis, KeywordKind, Sentence};
use omniva_contracts::config::Config;

use crate::borders::{self, Borders};
use crate::lexicon::{self, Lexicon};
use crate::tracks::{Peaks, Track, face_presence};
use crate::{hook, text, thought};

/// Pauses longer than this inside a clip are dead air (ARCHITECTURE: the editor shortens them).
pub(crate) const DEAD_AIR: f64 = 0.6;

/// One sentence, looked at on its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub tokens: Vec<String>,
    /// How well a clip may open, and close, with it: the ground of `hook`, `stands_alone` and `payoff`.
    pub hook: f64,
    pub opening: f64,
    pub ending: f64,
    /// Why a clip may not end (or begin) here, in words for the user.
    pub cut_off_end: Option<&'static str>,
    pub cut_off_start: Option<&'static str>,
    /// Keywords mentioned, as indices into [`Material::keywords`].
    pub keywords: Vec<usize>,
}

/// Running sums over the sentences; entry `k` holds everything before sentence `k`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub words: f64,
    pub content: f64,
    /// Sum of the inverse document frequencies of the content words.
    pub information: f64,
    /// Content words that were not said in the twenty sentences before.
    pub fresh: f64,
    pub confidence: f64,
    pub marked: f64,
    pub seconds: f64,
    pub sentiment: f64,
    pub exclaims: f64,
    pub dead_air: f64,
    /// Sum of the cosines of neighbours; entry k counts pairs (j-1, j) with j < k.
    pub coherence: f64,
    /// Dead air between neighbours; counted like `coherence`.
    pub gaps: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub weight: f64,
    pub user: bool,
}

pub(crate) struct Material<'a> {
    pub analysis: &'a Analysis,
    pub config: &'a Config,
    pub lexicon: Option<&'static Lexicon>,
    pub lines: Vec<Line>,
    pub sums: Vec<Sums>,
    pub borders: Borders,
    pub keywords: Vec<Term>,
    pub loudness: Track,
    pub motion: Track,
    pub faces: Track,
    pub peaks: Peaks,
    pub meaning: Meaning,
    /// Weight of extracted keywords per second of speech, repeated mentions counted as in [`crate::features`].
    pub keyword_rate: f64,
    /// Mean inverse document frequency of the source's content words.
    pub mean_information: f64,
    /// Sentiment was measured at all (it is 0 throughout for languages without a lexicon).
    pub has_sentiment: bool,
}

impl<'a> Material<'a> {
    pub fn new(analysis: &'a Analysis, config: &'a Config) -> Self {
        let lexicon = analysis.heard.language.as_ref().and_then(|l| lexicon::for_language(&l.code));
        let peaks = Peaks::new(&analysis.heard.peaks);
        let borders = borders::find(analysis, &peaks);
        let meaning = Meaning::new(analysis.sentences());
        let mut lines: Vec<Line> =
            analysis.sentences().iter().map(|s| Line { tokens: text::tokens(&s.text), ..Line::default() }).collect();
        let keywords = terms(analysis, &mut lines);
        let (sums, mean_information) = running_sums(analysis, &lines, lexicon, &meaning);
        let faces = face_presence(&analysis.seen, analysis.duration());
        let mut material = Self {
            has_sentiment: analysis.sentences().iter().any(|s| s.sentiment != 0.0),
            analysis,
            config,
            lexicon,
            lines,
            sums,
            borders,
            keywords,
            loudness: Track::new(&analysis.heard.loudness, -60.0, 0.0),
            motion: Track::new(&analysis.seen.motion, 0.0, 0.5),
            faces: Track::new(&faces, 0.0, 1.0),
            peaks,
            meaning,
            mean_information,
            keyword_rate: 0.0,
        };
        material.keyword_rate = material.rate_of_keywords();
        let judged: Vec<Line> = (0..material.lines.len()).map(|k| material.judge(k)).collect();
        material.lines = judged;
        material
    }

    fn judge(&self, k: usize) -> Line {
        Line {
            hook: hook::sentence(self, k),
            opening: thought::opening(self, k),
            ending: thought::ending(self, k),
            cut_off_end: thought::cut_off_end(self, k),
            cut_off_start: thought::cut_off_start(self, k),
            ..self.lines[k].clone()
        }
    }

    fn rate_of_keywords(&self) -> f64 {
        let mentions = self.lines.iter().flat_map(|l| &l.keywords).filter_map(|k| self.keywords.get(*k));
        let weight: f64 = mentions.filter(|t| !t.user).map(|t| t.weight).sum();
        let seconds = self.sums.last().map_or(0.0, |s| s.seconds);
        if seconds > 0.0 { weight / seconds } else { 0.0 }
    }

    pub fn sentences(&self) -> &'a [Sentence] {
        self.analysis.sentences()
    }

    /// What is in sentences `first..end`, as differences of the running sums.
    pub fn total(&self, first: usize, end: usize) -> Sums {
        let last = self.sums.len() - 1;
        let (a, b) = (self.sums[first.min(last)], self.sums[end.min(last)]);
        let inner = self.sums[(first + 1).min(end).min(last)];
        Sums {
            words: b.words - a.words,
            content: b.content - a.content,
            information: b.information - a.information,
            fresh: b.fresh - a.fresh,
            confidence: b.confidence - a.confidence,
            marked: b.marked - a.marked,
            seconds: b.seconds - a.seconds,
            sentiment: b.sentiment - a.sentiment,
            exclaims: b.exclaims - a.exclaims,
            dead_air: b.dead_air - a.dead_air,
            coherence: b.coherence - inner.coherence,
            gaps: b.gaps - inner.gaps,
        }
    }

    /// Silence between sentence `k` and the next; 0 for the last.
    pub fn pause_after(&self, k: usize) -> f64 {
        let s = self.sentences();
        match (s.get(k), s.get(k + 1)) {
            (Some(a), Some(b)) => (b.start - a.end).max(0.0),
            _ => 0.0,
        }
    }

    /// Most sentences end in a mark: only then does a missing one mean something.
    pub fn punctuated(&self) -> bool {
        let s = self.sentences();
        s.iter().filter(|s| s.complete).count() * 2 > s.len()
    }
}

/// Attaches each keyword to the sentences that mention it.
fn terms(analysis: &Analysis, lines: &mut [Line]) -> Vec<Term> {
    let sentences = analysis.sentences();
    for (k, keyword) in analysis.read.keywords.iter().enumerate() {
        for t in &keyword.mentions {
            let at = sentences.partition_point(|s| s.start <= *t + 1e-6);
            if let Some(line) = at.checked_sub(1).and_then(|at| lines.get_mut(at))
                && !line.keywords.contains(&k)
            {
                line.keywords.push(k);
            }
        }
    }
    let term = |k: &omniva_contracts::analysis::Keyword| Term {
        weight: if k.weight.is_finite() { k.weight.clamp(0.0, 1.0) } else { 0.0 },
        user: k.kind == KeywordKind::User,
    };
    analysis.read.keywords.iter().map(term).collect()
}

fn running_sums(analysis: &Analysis, lines: &[Line], lexicon: Option<&Lexicon>, meaning: &Meaning) -> (Vec<Sums>, f64) {
    let sentences = analysis.sentences();
    let mut seen_in: BTreeMap<&str, f64> = BTreeMap::new();
    for line in lines {
        let unique: std::collections::BTreeSet<&str> = line.tokens.iter().map(String::as_str).collect();
        for word in unique.into_iter().filter(|w| lexicon::is_content(lexicon, w)) {
            *seen_in.entry(word).or_default() += 1.0;
        }
    }
    let n = lines.len() as f64;
    let marked: Vec<Span> =
        analysis.heard.segments.iter().filter(|s| s.low_confidence).map(|s| Span::new(s.start, s.end)).collect();
    let mut last_said: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut sums, mut sum) = (vec![Sums::default()], Sums::default());
    for (k, (s, line)) in sentences.iter().zip(lines).enumerate() {
        sum.words += line.tokens.len() as f64;
        for word in line.tokens.iter().map(String::as_str).filter(|w| lexicon::is_content(lexicon, w)) {
            sum.content += 1.0;
            sum.information += ((n + 1.0) / (seen_in.get(word).copied().unwrap_or(0.0) + 1.0)).ln();
            let before = last_said.insert(word, k);
            sum.fresh += f64::from(u8::from(before.is_none_or(|b| k - b > 20)));
        }
        let length = (s.end - s.start).max(0.0);
        sum.seconds += length;
        sum.confidence += finite(s.confidence) * length;
        sum.sentiment += finite(s.sentiment).abs() * length;
        sum.exclaims += f64::from(u8::from(text::last_mark(&s.text) == Some('!')));
        sum.marked += overlap_with(&marked, &Span::new(s.start, s.end));
        sum.coherence += k.checked_sub(1).and_then(|j| meaning.cosine((j, j + 1), (k, k + 1))).unwrap_or(0.0);
        let before = k.checked_sub(1).map_or(0.0, |j| s.start - sentences[j].end);
        sum.gaps += if before > DEAD_AIR { finite(before) } else { 0.0 };
        let words = borders::words_of(analysis, s);
        sum.dead_air += words.windows(2).map(|w| w[1].start - w[0].end).filter(|g| *g > DEAD_AIR).sum::<f64>();
        sums.push(sum);
    }
    let mean = if sum.content > 0.0 { sum.information / sum.content } else { 0.0 };
    (sums, mean)
}

/// Seconds of `span` that lie in one of the sorted `spans`.
fn overlap_with(spans: &[Span], span: &Span) -> f64 {
    let from = spans.partition_point(|s| s.end <= span.start);
    spans.get(from..).unwrap_or(&[]).iter().take_while(|s| s.start < span.end).map(|s| s.overlap(span)).sum()
}

pub(crate) fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

/// Sentence embeddings as running sums of their signed bytes: the mean meaning of any range of sentences is one
/// subtraction, and exact.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meaning {
    width: usize,
    sums: Vec<i32>,
    count: usize,
}

impl Meaning {
    pub fn new(sentences: &[Sentence]) -> Self {
        let engine = base64::engine::general_purpose::STANDARD;
        let mut meaning = Self::default();
        for s in sentences {
            let bytes = engine.decode(s.embedding.as_bytes()).unwrap_or_default();
            if meaning.width == 0 && !bytes.is_empty() {
                // Sentences before the first with an embedding count as zero vectors.
                meaning.width = bytes.len();
                meaning.sums = vec![0; (meaning.count + 1) * meaning.width];
            }
            let from = meaning.sums.len().saturating_sub(meaning.width);
            for d in 0..meaning.width {
                let value = if bytes.len() == meaning.width { i32::from(bytes[d] as i8) } else { 0 };
                meaning.sums.push(meaning.sums[from + d] + value);
            }
            meaning.count += 1;
        }
        meaning
    }

    /// No sentence has an embedding.
    pub fn is_empty(&self) -> bool {
        self.sums.iter().all(|s| *s == 0)
    }

    fn row(&self, k: usize) -> &[i32] {
        let k = k.min(self.count);
        self.sums.get(k * self.width..(k + 1) * self.width).unwrap_or(&[])
    }

    /// Cosine of the meanings of two ranges of sentences, -1..1; `None` when one says nothing.
    pub fn cosine(&self, a: (usize, usize), b: (usize, usize)) -> Option<f64> {
        let (a0, a1, b0, b1) = (self.row(a.0), self.row(a.1), self.row(b.0), self.row(b.1));
        let vectors = a0.iter().zip(a1).zip(b0.iter().zip(b1));
        cosine(vectors.map(|((a0, a1), (b0, b1))| (f64::from(a1 - a0), f64::from(b1 - b0))))
    }

    /// Cosine of a range with everything else in the source.
    pub fn cosine_with_rest(&self, a: (usize, usize)) -> Option<f64> {
        let (a0, a1, all) = (self.row(a.0), self.row(a.1), self.row(self.count));
        let vectors = a0.iter().zip(a1).zip(all);
        cosine(vectors.map(|((a0, a1), all)| (f64::from(a1 - a0), f64::from(all - (a1 - a0)))))
    }
}

fn cosine(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut dot, mut a, mut b) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        dot += x * y;
        a += x * x;
        b += y * y;
    }
    (a > 0.0 && b > 0.0).then(|| (dot / (a.sqrt() * b.sqrt())).clamp(-1.0, 1.0))
}
