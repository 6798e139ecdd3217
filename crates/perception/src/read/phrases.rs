//! Candidate phrases of one to three telling words, counted per topic, and how telling each is.

use std::collections::BTreeMap;

use super::terms::Term;

/// Words of the longest phrase.
const LONGEST: usize = 3;

/// What is known about a phrase.
#[derive(Clone, Debug, Default)]
pub struct Stat {
    /// Occurrences in each topic that has any, ascending by topic.
    pub topics: Vec<(u32, usize)>,
    /// Occurrences that are written like a name.
    pub capitals: usize,
    /// Term index of the first occurrence.
    pub first: usize,
    /// How it was written, and how often so.
    surfaces: BTreeMap<String, usize>,
}

impl Stat {
    pub fn count(&self) -> usize {
        self.topics.iter().map(|t| t.1).sum()
    }

    /// Occurrences in `topic`.
    fn within(&self, topic: u32) -> usize {
        self.topics.binary_search_by_key(&topic, |t| t.0).ok().and_then(|i| self.topics.get(i)).map_or(0, |t| t.1)
    }

    /// Share of the occurrences that are written like a name.
    pub fn name(&self) -> f64 {
        self.capitals as f64 / self.count().max(1) as f64
    }

    /// How it is mostly written; what only begins sentences with a capital gets a small letter.
    pub fn surface(&self) -> String {
        let best = self.surfaces.iter().fold(None, |best: Option<(&String, &usize)>, s| match best {
            Some(b) if b.1 >= s.1 => Some(b),
            _ => Some(s),
        });
        best.map(|b| b.0.clone()).unwrap_or_default()
    }
}

/// All phrases of a transcript.
pub struct Phrases {
    pub stats: BTreeMap<Vec<u32>, Stat>,
    /// Telling terms in each topic.
    pub lengths: Vec<usize>,
    /// Mean of `lengths`.
    pub average: f64,
    /// Terms in all.
    pub terms: usize,
}

impl Phrases {
    /// Counts the phrases of `terms`; `topic` gives a sentence's topic out of `topics`.
    pub fn count(terms: &[Term], topic: impl Fn(usize) -> u32, topics: usize) -> Self {
        let mut stats: BTreeMap<Vec<u32>, Stat> = BTreeMap::new();
        let mut lengths = vec![0; topics];
        for (i, term) in terms.iter().enumerate().filter(|(_, t)| !t.stop) {
            let own = topic(term.sentence);
            if let Some(length) = lengths.get_mut(own as usize) {
                *length += 1;
            }
            let mut phrase: Vec<&Term> = Vec::new();
            for next in terms[i..].iter().take(LONGEST) {
                if next.stop || next.sentence != term.sentence {
                    break;
                }
                phrase.push(next);
                let key: Vec<u32> = phrase.iter().map(|t| t.stem).collect();
                stats.entry(key).or_insert_with(|| Stat { first: i, ..Stat::default() }).add(&phrase, own);
                if next.parted {
                    break;
                }
            }
        }
        let average = lengths.iter().sum::<usize>() as f64 / lengths.len().max(1) as f64;
        Self { stats, lengths, average, terms: terms.len() }
    }

    /// Occurrences of one stem on its own.
    pub fn single(&self, stem: u32) -> usize {
        self.stats.get(&vec![stem]).map_or(0, Stat::count)
    }

    /// Whether the words of a phrase belong together: names that always stand together, or words that meet more often
    /// than once and are mostly met together.
    pub fn holds_together(&self, key: &[u32], stat: &Stat) -> bool {
        let count = stat.count();
        if key.len() == 1 {
            return true;
        }
        let rarest = key.iter().map(|s| self.single(*s)).min().unwrap_or(1).max(1);
        let distinct = key.iter().enumerate().all(|(i, s)| !key[..i].contains(s));
        distinct && (stat.name() > 0.99 || (count >= 2 && count * 5 >= rarest * 2))
    }

    /// c-TF-IDF (Grootendorst 2022): share in the topic, times the logarithm of how rare it is over all topics.
    pub fn telling(&self, key: &[u32], stat: &Stat, topic: u32) -> f64 {
        let length = self.lengths.get(topic as usize).copied().unwrap_or(0).max(1) as f64;
        let average = self.average;
        let share = stat.within(topic) as f64 / length;
        share * (1.0 + average / stat.count().max(1) as f64).ln() * self.form(key, stat)
    }

    /// How much its form speaks for a phrase: names and phrases say more than single words, short words less.
    pub fn form(&self, key: &[u32], stat: &Stat) -> f64 {
        let letters = stat.surface().chars().count();
        let short = if key.len() == 1 && letters < 5 { 0.7 } else { 1.0 };
        short * (1.0 + 0.6 * stat.name()) * (1.0 + 0.3 * (key.len() as f64 - 1.0))
    }

    /// The `most` best of `scored`, best first, none a part of a better one that is nearly as frequent, or the other way
    /// round.
    pub fn best<'a>(&'a self, mut scored: Vec<(f64, &'a [u32])>, most: usize) -> Vec<(f64, &'a [u32])> {
        // Equal scores: the earlier phrase, then the longer one.
        let first = |key: &[u32]| self.stats.get(key).map_or(usize::MAX, |s| s.first);
        scored.sort_by(|a, b| {
            b.0.total_cmp(&a.0).then_with(|| first(a.1).cmp(&first(b.1))).then_with(|| b.1.len().cmp(&a.1.len()))
        });
        let count = |key: &[u32]| self.stats.get(key).map_or(0, Stat::count);
        let mut chosen: Vec<(f64, &[u32])> = Vec::new();
        for (score, key) in scored {
            if chosen.len() >= most {
                break;
            }
            let rival = chosen.iter_mut().find(|(_, c)| overlaps(c, key));
            match rival {
                None => chosen.push((score, key)),
                // "learning" was chosen, and nearly always is "machine learning".
                Some(rival) if rival.1.len() < key.len() && count(rival.1) * 2 <= count(key) * 3 => rival.1 = key,
                // "learning" is said far more often than the chosen "machine learning".
                Some(rival) if rival.1.len() > key.len() && count(key) > count(rival.1) * 3 => {
                    chosen.push((score, key));
                }
                Some(_) => {}
            }
        }
        // A longer phrase that took a place may hold another chosen one.
        let keys: Vec<&[u32]> = chosen.iter().map(|c| c.1).collect();
        let mut i = 0;
        chosen.retain(|(_, key)| {
            i += 1;
            !keys[..i - 1].contains(key)
        });
        chosen
    }
}

impl Stat {
    fn add(&mut self, phrase: &[&Term], topic: u32) {
        match self.topics.last_mut() {
            Some(last) if last.0 == topic => last.1 += 1,
            _ => self.topics.push((topic, 1)),
        }
        let name = phrase.iter().all(|t| t.capital);
        self.capitals += usize::from(name);
        let lower =
            |t: &&Term| if t.capital || is_acronym(&t.surface) { t.surface.clone() } else { t.surface.to_lowercase() };
        let surface = phrase.iter().map(lower).collect::<Vec<_>>().join(" ");
        *self.surfaces.entry(surface).or_default() += 1;
    }
}

fn is_acronym(surface: &str) -> bool {
    surface.chars().filter(|c| c.is_uppercase()).count() >= 2
}

/// One holds the other as consecutive words.
fn overlaps(a: &[u32], b: &[u32]) -> bool {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    long.windows(short.len().max(1)).any(|w| w == short)
}
