//! All prints, to be asked which of them share something with another one.
//!
//! Landmarks are kept under 24 bits of their shape, runs of pictures under each quarter of their hash. A look-up reads the
//! entries of the query's keys, the shortest lists first and no more than [`Thresholds::budget`], counts them by print, looks at
//! those with most, finds the offsets at which they agree, and measures how much is common there. So its time follows the
//! query and the budget, and hardly the number of prints.
//!
//! An index holds what it needs of a print; it is not written anywhere, but built again from the prints
//! ([`Index::build`]).

mod audio;
mod postings;
mod video;

use std::collections::BTreeMap;

use thiserror::Error;

use crate::print::{Landmark, Print, Run};
use crate::thresholds::Thresholds;
use postings::Postings;

/// Prints that one index holds at most.
pub const MAX_PRINTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 20;
/// Prints that one look-up compares in full.
const LOOKED_AT: usize = 48;

/// The index has [`MAX_PRINTS`] prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the index of likenesses is full ({MAX_PRINTS} prints)")]
pub struct Full;

/// What two videos have in common in sound, or in picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shared {
    /// Seconds that are common.
    pub seconds: f64,
    /// Share of what could agree in the common stretches that does agree, 0..1.
    pub similarity: f64,
    /// Different landmarks, or pictures, that agree; 0 for pictures that agree as well at other offsets.
    pub evidence: u32,
    /// First and last common second of the video that was looked up.
    pub from: f64,
    pub to: f64,
    /// Whether this alone makes the two a pair (see [`Thresholds`]).
    pub enough: bool,
}

/// Another video that shares sound or picture with the one that was looked up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    pub id: u128,
    /// Length of the other video.
    pub seconds: f64,
    /// Second of the other video that lies under second 0 of the one that was looked up; of several common stretches
    /// that of the longest.
    pub offset: f64,
    /// The picture is that of the other one with left and right exchanged.
    pub mirrored: bool,
    /// Both have sound that could agree.
    pub both_sound: bool,
    pub audio: Shared,
    pub video: Shared,
}

impl Match {
    /// Seconds in common: of sound and picture whichever is more, counting only what is enough by itself.
    pub fn overlap(&self) -> f64 {
        let of = |s: &Shared| if s.enough { s.seconds } else { 0.0 };
        of(&self.audio).max(of(&self.video))
    }
}

struct Entry {
    id: u128,
    milliseconds: u32,
    thinned: u8,
    landmarks: u32,
    runs: Box<[Run]>,
}

impl Entry {
    fn seconds(&self) -> f64 {
        f64::from(self.milliseconds) / 1000.0
    }
}

/// See the module.
pub struct Index {
    thresholds: Thresholds,
    entries: Vec<Option<Entry>>,
    slots: BTreeMap<u128, u32>,
    /// Slots that no posting names any more.
    free: Vec<u32>,
    /// Slots that were emptied, and whose postings are still there.
    stale: Vec<u32>,
    sound: Postings,
    picture: Postings,
}

impl Index {
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            entries: Vec::new(),
            slots: BTreeMap::new(),
            free: Vec::new(),
            stale: Vec::new(),
            sound: Postings::new(audio::KEY_BITS),
            picture: Postings::new(video::KEY_BITS),
        }
    }

    /// An index of many prints at once, which is quicker than inserting them one by one. Of several prints with one id
    /// the last one counts.
    ///
    /// # Errors
    /// [`Full`].
    pub fn build(thresholds: Thresholds, prints: impl IntoIterator<Item = (u128, Print)>) -> Result<Self, Full> {
        let mut index = Self::new(thresholds);
        let (mut sound, mut picture) = (Vec::new(), Vec::new());
        for (id, print) in prints {
            let slot = index.place(id, &print)?;
            audio::postings(&print, slot, &mut sound);
            video::postings(&print, slot, &mut picture);
        }
        let stale = std::mem::take(&mut index.stale);
        let kept = |slot: u32| stale.binary_search(&slot).is_err();
        sound.retain(|e| kept(audio::slot(*e)));
        picture.retain(|e| kept(video::slot(*e)));
        index.sound.insert(sound);
        index.picture.insert(picture);
        index.free = stale;
        Ok(index)
    }

    /// Takes a print in; one with the same id is replaced.
    ///
    /// # Errors
    /// [`Full`]; nothing has changed then, but that an older print of that id is gone.
    pub fn insert(&mut self, id: u128, print: &Print) -> Result<(), Full> {
        let slot = self.place(id, print)?;
        let (mut sound, mut picture) = (Vec::new(), Vec::new());
        audio::postings(print, slot, &mut sound);
        video::postings(print, slot, &mut picture);
        self.sound.insert(sound);
        self.picture.insert(picture);
        Ok(())
    }

    /// Takes a print out; false when there is none. What is gone leaves the memory in batches.
    pub fn remove(&mut self, id: u128) -> bool {
        let Some(slot) = self.slots.remove(&id) else { return false };
        if let Some(entry) = self.entries.get_mut(slot as usize) {
            *entry = None;
        }
        let at = self.stale.partition_point(|s| *s < slot);
        self.stale.insert(at, slot);
        if self.stale.len() > 64 + self.slots.len() / 4 {
            self.sweep();
        }
        true
    }

    /// The print's slot, with its entry in place.
    fn place(&mut self, id: u128, print: &Print) -> Result<u32, Full> {
        self.remove(id);
        if self.free.is_empty() && self.entries.len() >= MAX_PRINTS {
            if self.stale.is_empty() {
                return Err(Full);
            }
            self.sweep();
        }
        let entry = Entry {
            id,
            milliseconds: (print.seconds() * 1000.0).round() as u32,
            thinned: print.thinned(),
            landmarks: print.landmarks().len() as u32,
            runs: print.runs().into(),
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = Some(entry);
                slot
            }
            None => {
                self.entries.push(Some(entry));
                (self.entries.len() - 1) as u32
            }
        };
        self.slots.insert(id, slot);
        Ok(slot)
    }

    fn sweep(&mut self) {
        let stale = std::mem::take(&mut self.stale);
        self.sound.retain(|e| stale.binary_search(&audio::slot(e)).is_err());
        self.picture.retain(|e| stale.binary_search(&video::slot(e)).is_err());
        self.free.extend(stale);
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
    pub fn contains(&self, id: u128) -> bool {
        self.slots.contains_key(&id)
    }
    /// Memory of postings and prints, without what the allocator adds.
    pub fn bytes(&self) -> usize {
        let runs: usize = self.entries.iter().flatten().map(|e| e.runs.len() * size_of::<Run>()).sum();
        self.sound.bytes()
            + self.picture.bytes()
            + runs
            + self.entries.capacity() * size_of::<Option<Entry>>()
            + self.slots.len() * 24
    }

    /// Who shares something with this print: the longest overlap first, those of one length by id. `own` is left out.
    pub fn lookup(&self, print: &Print, own: Option<u128>) -> Vec<Match> {
        let (heard, asked) = audio::candidates(self, print);
        let seen = video::candidates(self, print);
        let mut all: BTreeMap<u32, Candidate> = BTreeMap::new();
        for (slot, hits) in heard {
            all.entry(slot).or_default().sound = hits;
        }
        for (slot, mirrored, offset) in seen {
            all.entry(slot).or_default().picture.push((mirrored, offset));
        }
        let query = Query { print, asked, sides: video::Sides::of(print) };
        let mut matches: Vec<Match> = all
            .into_iter()
            .filter_map(|(slot, candidate)| {
                let entry = self.entries.get(slot as usize)?.as_ref()?;
                (Some(entry.id) != own).then(|| self.judge(&query, entry, &candidate))?
            })
            .collect();
        matches.sort_by(|a, b| b.overlap().total_cmp(&a.overlap()).then(a.id.cmp(&b.id)));
        matches.truncate(self.thresholds.matches);
        matches
    }

    fn judge(&self, query: &Query<'_>, entry: &Entry, candidate: &Candidate) -> Option<Match> {
        let shorter = query.print.seconds().min(entry.seconds());
        let (heard, at) = audio::measure(&query.asked, entry, &candidate.sound, &self.thresholds);
        let audio = self.enough(heard, shorter, self.thresholds.audio_landmarks, self.thresholds.audio_similarity);
        // Where the sound agrees the picture may too, either way round.
        let mut places = candidate.picture.clone();
        if let Some(offset) = at {
            let step = (offset / crate::print::STEP_SECONDS).round() as i64;
            places.extend([(false, step), (true, step)]);
        }
        let best = video::measure(&query.sides, entry, &places, &self.thresholds);
        let (seen, mirrored, over) = best.unwrap_or((Shared::default(), false, 0.0));
        let video = self.enough(seen, shorter, self.thresholds.video_pictures, self.thresholds.video_similarity);
        let by_sound = audio.enough && (!video.enough || audio.seconds >= 0.5 * video.seconds);
        let offset = if by_sound { at? } else { over };
        // A picture of which little agrees says nothing of its side.
        let mirrored = mirrored && (video.enough || video.similarity >= self.thresholds.video_similarity);
        let both_sound = entry.landmarks.min(query.print.landmarks().len() as u32) >= self.thresholds.audio_landmarks;
        (audio.enough || video.enough).then_some(Match {
            id: entry.id,
            seconds: entry.seconds(),
            offset,
            mirrored,
            both_sound,
            audio,
            video,
        })
    }

    fn enough(&self, shared: Shared, shorter: f64, evidence: u32, similarity: f64) -> Shared {
        let t = &self.thresholds;
        let needed = t.min_seconds.max(t.min_share * shorter).min(t.always_seconds).min(t.short_share * shorter);
        let enough = shared.seconds >= needed && shared.evidence >= evidence && shared.similarity >= similarity;
        Shared { enough, ..shared }
    }
}

/// What is looked up.
struct Query<'a> {
    print: &'a Print,
    /// The landmarks that were really asked for.
    asked: Vec<Landmark>,
    sides: video::Sides,
}

#[derive(Default)]
struct Candidate {
    sound: Vec<audio::Hit>,
    /// Mirrored or not, and the half second of the other one that lies under the query's first.
    picture: Vec<(bool, i64)>,
}

/// Counts hits by slot, without a map: most slots have one by chance.
struct Tally {
    counts: Vec<u16>,
}

impl Tally {
    fn new(slots: usize) -> Self {
        Self { counts: vec![0; slots] }
    }
    fn add(&mut self, slot: u32) {
        if let Some(count) = self.counts.get_mut(slot as usize) {
            *count = count.saturating_add(1);
        }
    }
    /// The count from which on at most [`LOOKED_AT`] slots are looked at, and never less than `least`.
    fn bar(&self, least: u16) -> u16 {
        let mut high: Vec<u16> = self.counts.iter().copied().filter(|c| *c >= least).collect();
        high.sort_unstable_by(|a, b| b.cmp(a));
        high.get(LOOKED_AT).map_or(least, |c| c.saturating_add(1)).max(least)
    }
    fn of(&self, slot: u32) -> u16 {
        self.counts.get(slot as usize).copied().unwrap_or(0)
    }
}

/// Leaves the shortest lists of entries, as many as the budget pays for; gives back the others.
fn within_budget<'a, K>(lists: &mut Vec<(&'a [u64], K)>, budget: usize) -> Vec<(&'a [u64], K)> {
    lists.sort_by_key(|(entries, _)| entries.len());
    let mut left = budget;
    let affordable = lists.iter().take_while(|(entries, _)| {
        let fits = entries.len() <= left;
        left = left.saturating_sub(entries.len());
        fits
    });
    let count = affordable.count();
    lists.split_off(count)
}

#[cfg(test)]
mod tests;
