//! Reading the transcript: sentences, their meaning and mood, topics and keywords.
//!
//! Invariant: the sentences partition the words and the topics partition the sentences, both in order.

pub mod embed;
pub mod ends;
pub mod keywords;
pub mod phrases;
pub mod sentences;
pub mod sentiment;
pub mod stopwords;
pub mod terms;
pub mod topics;
pub mod words;

use omniva_contracts::analysis::{Embedding, Read, Sentence, Topic, Turn, Word};
use omniva_contracts::geometry::ms;
use omniva_contracts::jobs::ReadJob;
use omniva_contracts::{Fault, Monitor};

use crate::runtime::Runtime;
use embed::Embedder;
use phrases::Phrases;
use sentiment::Vader;
use topics::Part;

/// The lexicon's file in the models folder.
pub const LEXICON: &str = "vader_lexicon.txt";
/// Threads of the embedding model. Fixed, so that no machine's number of cores can touch a result.
const THREADS: usize = 2;

/// Reads what was heard. A source without words gives an empty result and loads nothing.
///
/// Errors: `model_missing`, `model_mismatch`, `model_failed`, `cancelled`.
pub fn read(job: &ReadJob, monitor: &dyn Monitor) -> Result<Read, Fault> {
    let (words, mut warnings) = words::flatten(&job.heard.segments, job.duration);
    if words.is_empty() {
        let (terms, stems) = terms::terms(&[], &[], "");
        let keywords = keywords::user(&job.keywords, &terms, &stems, &[], "");
        return Ok(Read { keywords, warnings, ..Read::default() });
    }
    let language = job.heard.language.as_ref().map_or("", |l| l.code.as_str());
    warnings.extend(language_warnings(language));
    let ranges = sentences::split(&words, &job.heard.turns);
    let runtime = Runtime::load(&job.models)?;
    let mut sentences = describe(&words, &ranges, &job.heard.turns);
    let mut models = Vec::new();
    if language == "en" {
        let vader = Vader::parse(&runtime.read(LEXICON)?)?;
        models.push(runtime.model_run("sentiment", "VADER lexicon", LEXICON)?);
        sentences.iter_mut().for_each(|s| s.sentiment = vader.compound(&s.text));
    }
    let mut embedder = Embedder::load(&runtime, THREADS)?;
    models.insert(0, embedder.run.clone());
    let texts: Vec<&str> = sentences.iter().map(|s| s.text.as_str()).collect();
    let vectors = embedder.embed(&texts, &Part90(monitor))?;
    drop(embedder);

    let topic_ranges = topics::segment(&parts(&sentences, &vectors));
    for (id, (from, to)) in topic_ranges.iter().enumerate() {
        sentences[*from..*to].iter_mut().for_each(|s| s.topic = id as u32);
    }
    for (sentence, vector) in sentences.iter_mut().zip(&vectors) {
        sentence.embedding = Embedding::encode(vector);
    }
    if monitor.cancelled() {
        return Err(Fault::cancelled());
    }
    let (terms, stems) = terms::terms(&words, &ranges, language);
    let topic_of = |s: usize| sentences.get(s).map_or(0, |s| s.topic);
    let phrases = Phrases::count(&terms, topic_of, topic_ranges.len());
    let mut keywords = keywords::user(&job.keywords, &terms, &stems, &words, language);
    keywords.extend(keywords::extract(&phrases, &terms, &words, &keywords));
    let topics = name(&sentences, &topic_ranges, &phrases);
    monitor.progress(1.0);
    Ok(Read { words, sentences, topics, keywords, models, warnings })
}

/// Embedding is nine tenths of the work.
struct Part90<'a>(&'a dyn Monitor);

impl Monitor for Part90<'_> {
    fn progress(&self, fraction: f64) {
        self.0.progress(fraction * 0.9);
    }
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

fn language_warnings(language: &str) -> Vec<String> {
    if language == "en" {
        return Vec::new();
    }
    let which = if language.is_empty() { "an unknown language".to_owned() } else { format!("language \"{language}\"") };
    let mut warnings = vec![
        format!("no sentiment for {which}: the lexicon is English"),
        format!("topics in {which} are less reliable: the embedding model is trained on English"),
    ];
    if !stopwords::has_list(language) {
        warnings.push(format!("no list of stop words for {which}: labels and keywords may hold common words"));
    }
    warnings
}

/// Sentences without what models add to them.
fn describe(words: &[Word], ranges: &[(usize, usize)], turns: &[Turn]) -> Vec<Sentence> {
    let mut first_turn = 0;
    ranges
        .iter()
        .filter_map(|(from, to)| {
            let own = &words[*from..*to];
            let (first, last) = (own.first()?, own.last()?);
            let confidence = own.iter().map(|w| w.confidence).sum::<f64>() / own.len() as f64;
            Some(Sentence {
                start: first.start,
                end: last.end,
                text: words::join(own),
                first_word: *from,
                end_word: *to,
                speaker: sentences::speaker(turns, &mut first_turn, first.start, last.end),
                topic: 0,
                sentiment: 0.0,
                confidence: ms(confidence),
                complete: ends::is_complete(last),
                embedding: String::new(),
            })
        })
        .collect()
}

fn parts<'a>(sentences: &[Sentence], vectors: &'a [Vec<f32>]) -> Vec<Part<'a>> {
    sentences
        .iter()
        .zip(vectors)
        .map(|(s, vector)| Part {
            start: s.start,
            end: s.end,
            speaker: s.speaker,
            words: s.end_word - s.first_word,
            vector,
        })
        .collect()
}

fn name(sentences: &[Sentence], ranges: &[(usize, usize)], phrases: &Phrases) -> Vec<Topic> {
    ranges
        .iter()
        .zip(keywords::labels(phrases))
        .enumerate()
        .filter_map(|(id, ((from, to), (mut label, keywords)))| {
            let (first, last) = (sentences.get(*from)?, sentences.get(to.checked_sub(1)?)?);
            if label.is_empty() {
                // Nothing but small words: the beginning tells more than nothing.
                label = first.text.split_whitespace().take(5).collect::<Vec<_>>().join(" ");
            }
            Some(Topic { id: id as u32, start: first.start, end: last.end, label, keywords })
        })
        .collect()
}

#[cfg(test)]
mod real;
