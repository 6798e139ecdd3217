//! Zenith: the last word. Every candidate gets a verdict with a reason.
//!
//! Candidates are taken best first, where a topic that already has a clip counts a little less for the next one
//! ([`SAME_TOPIC`]). A first pass keeps the limits of topics and of the mix; a second one fills the places
//! that are left, because a limit is there to make room for others, not to leave places empty.

use omniva_contracts::choice::{Candidate, Choice, Module, Verdict};

use crate::candidates::Field;
use crate::features;
use crate::material::Material;
use crate::windows::Scan;
use crate::{horizon, pantheon, paradox, text};

/// What a candidate's rank score counts for each clip that its topic has already: of two that are about as good, the viewer
/// wants the one about something else.
const SAME_TOPIC: f64 = 0.93;

/// Why a candidate was passed over in the first pass.
#[derive(Clone, Copy, PartialEq)]
enum Limit {
    Topic,
    Mix,
}

struct Court<'m, 'a> {
    m: &'m Material<'a>,
    field: Field,
    verdicts: Vec<Option<Verdict>>,
    passed_over: Vec<Option<Limit>>,
    /// Indices of the chosen, in the order they were taken.
    chosen: Vec<usize>,
    quotas: Vec<usize>,
}

pub(crate) fn decide(m: &Material<'_>, field: Field, scan: &Scan) -> Choice {
    let n = field.candidates.len();
    let count = m.config.clip.count as usize;
    let quotas = horizon::quotas(&m.config.horizon, count);
    let mut court = Court { m, field, verdicts: vec![None; n], passed_over: vec![None; n], chosen: Vec::new(), quotas };
    court.inspect();
    let mut order: Vec<usize> = (0..n).filter(|k| court.verdicts[*k].is_none()).collect();
    order.sort_by(|a, b| court.rank_score(*b).total_cmp(&court.rank_score(*a)));
    for limited in [true, false] {
        while court.chosen.len() < count && court.take_best(&order, limited, count) {}
    }
    court.close(&order);
    court.finish(scan)
}

impl Court<'_, '_> {
    fn rank_score(&self, k: usize) -> f64 {
        self.field.candidates[k].rank_score
    }

    /// Verdicts that do not depend on the others.
    fn inspect(&mut self) {
        let floor = self.m.config.choose.floor;
        for (k, c) in self.field.candidates.iter().enumerate() {
            self.verdicts[k] = if let Some(flaw) = &self.field.flaws[k] {
                Some(rejected(Module::Zenith, flaw.code, flaw.reason.clone(), None))
            } else if let Some((persona, vote)) = &self.field.vetoes[k] {
                let said = c.votes.iter().find(|v| v.agent == *persona).map_or("", |v| v.commentary.as_str());
                Some(rejected(
                    Module::Pantheon,
                    "outvoted",
                    format!("the {persona} objects (vote {vote:.2}): {said}"),
                    None,
                ))
            } else if c.consensus < floor {
                let reason = format!("the council's consensus {:.2} is below the floor of {floor:.2}", c.consensus);
                Some(rejected(Module::Pantheon, "below_floor", reason, None))
            } else {
                None
            };
        }
    }

    /// The chosen, best first.
    fn ranking(&self) -> Vec<usize> {
        let mut ranking = self.chosen.clone();
        ranking.sort_by(|a, b| self.rank_score(*b).total_cmp(&self.rank_score(*a)));
        ranking
    }

    fn conflict(&self, k: usize) -> Option<paradox::Conflict> {
        let chosen: Vec<&Candidate> = self.ranking().iter().map(|c| &self.field.candidates[*c]).collect();
        paradox::conflict(self.m, &self.field.candidates[k], &chosen)
    }

    /// Gives the next place, or a verdict to one that may not have it. False when nobody is left in this pass.
    fn take_best(&mut self, order: &[usize], limited: bool, count: usize) -> bool {
        let mut best: Option<(f64, usize)> = None;
        for &k in order {
            // `order` falls, and no factor is above 1: from here on nobody can beat the best.
            if best.is_some_and(|b| self.rank_score(k) <= b.0) {
                break;
            }
            if self.verdicts[k].is_some() || self.chosen.contains(&k) {
                continue;
            }
            if let Some(limit) = limited.then(|| self.limit(k, count)).flatten() {
                self.passed_over[k] = Some(limit);
                continue;
            }
            let worth = self.rank_score(k) * SAME_TOPIC.powi(self.in_topic(k) as i32);
            if best.is_none_or(|b| worth > b.0) {
                best = Some((worth, k));
            }
        }
        let Some((_, k)) = best else { return false };
        match self.conflict(k) {
            Some(conflict) => self.lose(k, conflict),
            None => self.chosen.push(k),
        }
        true
    }

    /// Clips already chosen from the topic of candidate `k`.
    fn in_topic(&self, k: usize) -> usize {
        let topic = self.field.candidates[k].topic;
        if topic.is_none() {
            0
        } else {
            self.chosen.iter().filter(|w| self.field.candidates[**w].topic == topic).count()
        }
    }

    /// A conflict with a better candidate is final. With a worse one, taken because a limit kept this one out, the limit is
    /// the reason.
    fn lose(&mut self, k: usize, conflict: paradox::Conflict) {
        let winner = self.chosen.iter().copied().find(|w| self.field.candidates[*w].id == conflict.winner);
        let better = winner.is_none_or(|w| self.rank_score(w) > self.rank_score(k));
        self.verdicts[k] = Some(match (self.passed_over[k], better) {
            (Some(limit), false) => self.limited(k, limit, Some(conflict.winner)),
            (None, false) => {
                let reason = format!("{}, which was taken first: its topic had no clip yet", conflict.reason);
                rejected(Module::Paradox, conflict.code, reason, Some(conflict.winner))
            }
            (_, true) => {
                let reason = format!("{}, which ranks higher", conflict.reason);
                rejected(Module::Paradox, conflict.code, reason, Some(conflict.winner))
            }
        });
    }

    fn limit(&self, k: usize, count: usize) -> Option<Limit> {
        let c = &self.field.candidates[k];
        if c.topic.is_some() && self.in_topic(k) >= self.m.config.choose.per_topic as usize {
            return Some(Limit::Topic);
        }
        let open = |t: usize| self.quotas[t].saturating_sub(self.served(t));
        let reserved: usize = (0..self.quotas.len()).map(open).sum();
        let helps = self.field.mix.serves[k].iter().any(|t| open(*t) > 0);
        (!helps && self.chosen.len() + reserved >= count).then_some(Limit::Mix)
    }

    /// How many of the chosen serve a target.
    fn served(&self, target: usize) -> usize {
        self.chosen.iter().filter(|w| self.field.mix.serves[**w].contains(&target)).count()
    }

    fn limited(&self, k: usize, limit: Limit, because_of: Option<String>) -> Verdict {
        match limit {
            Limit::Topic => {
                let topic = self.field.candidates[k].topic;
                let label = topic.and_then(|t| self.m.analysis.read.topics.iter().find(|x| x.id == t));
                let label = label.map_or("its topic".to_owned(), |t| format!("the topic “{}”", t.label));
                let places = self.m.config.choose.per_topic;
                let reason =
                    format!("{label} already holds its {places} places, and other topics had something to say");
                rejected(Module::Lattice, "topic_full", reason, because_of)
            }
            Limit::Mix => {
                let reason = "the places left were reserved for the content mix that the project asks for".to_owned();
                rejected(Module::Horizon, "mix_full", reason, because_of)
            }
        }
    }

    /// Verdicts for everyone who is left once the places are given.
    fn close(&mut self, order: &[usize]) {
        let ranking = self.ranking();
        let last = ranking.last().map(|w| self.field.candidates[*w].id.clone());
        for &k in order {
            if self.verdicts[k].is_some() || self.chosen.contains(&k) {
                continue;
            }
            if let Some(conflict) = self.conflict(k) {
                self.lose(k, conflict);
            } else if let Some(limit) = self.passed_over[k] {
                self.verdicts[k] = Some(self.limited(k, limit, last.clone()));
            } else if let Some(verdict) = self.second_of_topic(k, &ranking) {
                self.verdicts[k] = Some(verdict);
            } else {
                let (asked, score) = (self.m.config.clip.count, self.rank_score(k));
                let reason =
                    format!("good enough (rank score {score:.3}), but {asked} better ones were asked for and found");
                self.verdicts[k] = Some(rejected(Module::Zenith, "count_reached", reason, last.clone()));
            }
        }
    }

    /// For one that ranks above the last of the chosen and still got no place: its topic had one already.
    fn second_of_topic(&self, k: usize, ranking: &[usize]) -> Option<Verdict> {
        let last = *ranking.last().filter(|w| self.rank_score(**w) < self.rank_score(k))?;
        let of_topic = |w: &&usize| self.field.candidates[**w].topic == self.field.candidates[k].topic;
        let first = &self.field.candidates[*ranking.iter().find(of_topic)?].id;
        let instead = &self.field.candidates[last].id;
        let reason =
            format!("its topic is told by {first} already, and {instead} from another topic is nearly as good");
        Some(rejected(Module::Lattice, "topic_full", reason, Some(instead.clone())))
    }

    fn finish(mut self, scan: &Scan) -> Choice {
        let ranking = self.ranking();
        for (rank, k) in ranking.iter().enumerate() {
            let reason = self.praise(*k);
            self.verdicts[*k] = Some(Verdict::Chosen { rank: rank as u32 + 1, reason });
        }
        let chosen = ranking.iter().map(|k| self.field.candidates[*k].id.clone()).collect::<Vec<_>>();
        let notes = self.notes(chosen.len());
        let mut candidates = self.field.candidates;
        for (c, verdict) in candidates.iter_mut().zip(self.verdicts) {
            if let Some(verdict) = verdict {
                c.verdict = verdict;
            }
        }
        let why_none = chosen.is_empty().then(|| why_none(self.m, &candidates, scan));
        Choice { candidates, chosen, windows_scanned: scan.scanned, why_none, notes }
    }

    /// Why a candidate was chosen: where it is most above the ordinary, where least, and the council.
    fn praise(&self, k: usize) -> String {
        let c = &self.field.candidates[k];
        let mut known: Vec<(&str, f64)> =
            features::NAMES.iter().filter_map(|n| features::value(&c.features, n).map(|v| (*n, v))).collect();
        let above = |f: &(&str, f64)| f.1 - features::typical(f.0);
        known.sort_by(|a, b| above(b).total_cmp(&above(a)).then(a.0.cmp(b.0)));
        // What was said is the reason; clean edges and a face are what every clip must have.
        let telling = |f: &&(&str, f64)| !matches!(f.0, "boundaries" | "clarity" | "faces" | "pace");
        let best: Vec<String> = known.iter().filter(telling).take(2).map(|(n, v)| pantheon::phrase(n, *v)).collect();
        let lowest = known.last().map(|(n, v)| format!("{} {v:.2}", n.replace('_', " "))).unwrap_or_default();
        format!(
            "{}; consensus {:.2}, dissent {:.2}; its low point is {lowest}",
            best.join(" and "),
            c.consensus,
            c.dissent
        )
    }

    fn notes(&self, chosen: usize) -> Vec<String> {
        let config = self.m.config;
        let mut notes = Vec::new();
        if chosen > 0 && chosen < config.clip.count as usize {
            notes.push(format!(
                "{chosen} of {} clips asked for: nothing else was both good enough and different from these",
                config.clip.count
            ));
        }
        for (t, target) in config.horizon.mix.iter().enumerate() {
            let (has, wants) = (self.served(t), self.quotas[t]);
            if has < wants {
                notes.push(format!("the mix asks for {wants} clips of “{}”: the source gave {has}", target.label));
            }
        }
        for (table, weights) in [("virality", &config.choose.virality), ("relevance", &config.choose.relevance)] {
            for name in weights.keys().filter(|n| !features::NAMES.contains(&n.as_str())) {
                notes.push(format!(
                    "choose.{table}.{name}: no such feature, ignored (known: {})",
                    features::NAMES.join(", ")
                ));
            }
        }
        if let (None, Some(language)) = (self.m.lexicon, &self.m.analysis.heard.language)
            && !self.m.lines.is_empty()
        {
            notes.push(format!(
                "no word lists for the language “{}”: openings and endings were judged by marks, pauses and turns alone",
                language.code
            ));
        }
        notes
    }
}

fn rejected(by: Module, code: &str, reason: String, because_of: Option<String>) -> Verdict {
    Verdict::Rejected { by, code: code.to_owned(), reason, because_of }
}

/// One or two sentences for the user of a run without clips.
fn why_none(m: &Material<'_>, candidates: &[Candidate], scan: &Scan) -> String {
    let (min, max) = (m.config.clip.min_seconds, m.config.clip.max_seconds);
    let duration = m.analysis.duration();
    if duration < min {
        return format!(
            "the source is {duration:.1} s long and a clip must have at least {min} s: try a smaller --min"
        );
    }
    if !candidates.is_empty() {
        let mut codes: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
        for c in candidates {
            if let Verdict::Rejected { code, .. } = &c.verdict {
                *codes.entry(code).or_default() += 1;
            }
        }
        let list: Vec<String> = codes.iter().map(|(code, n)| format!("{n} × {code}")).collect();
        let best = candidates.iter().map(|c| c.consensus).fold(0.0, f64::max);
        return format!(
            "all {} candidates were rejected ({}); the best consensus was {best:.2}",
            candidates.len(),
            list.join(", ")
        );
    }
    if m.lines.is_empty() {
        return format!("nobody speaks, and no stretch of {min} to {max} s stands out by sound or picture");
    }
    if scan.short_runs == scan.runs {
        return format!(
            "no topic or scene holds {min} s of speech on end (the longest lasts {:.1} s of {}): try a smaller --min",
            scan.longest_run,
            text::clock(duration)
        );
    }
    format!("no run of whole sentences is between {min} and {max} s long: try a larger --max")
}
