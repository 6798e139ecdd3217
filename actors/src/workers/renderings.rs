//! The other files of a clip: as the first, without what a place forbids.

use std::collections::BTreeSet;

use omniva_assets::Kept;
use omniva_cognition::variant::Wanted;
use omniva_contracts::analysis::Analysis;
use omniva_contracts::engine::{ArtifactKind, Rendering};
use omniva_contracts::{Code, Fault, FaultClass};
use omniva_stages::{Edited, FontFile, Reporter, Source, Varied, Workshop, edit_varied};
use uuid::Uuid;

use super::Tools;
use super::watch::Watch;

/// Another file, or why there is none.
pub(super) struct Other {
    wanted: Wanted,
    made: Result<Varied, Fault>,
}

/// What a rendering starts from.
pub(super) struct Base<'a> {
    pub workshop: &'a Workshop<'a>,
    pub source: &'a Source,
    pub analysis: &'a Analysis,
    pub fonts: &'a [FontFile],
    pub edited: &'a Edited,
}

/// Renders what else is wanted. A fault stays with the file that it is about; one that may pass is the job's as long as the
/// job is tried again: what is finished by then is in the cache.
///
/// # Errors
/// `cancelled`, and faults that may pass unless this is the job's last attempt.
pub(super) fn others(base: &Base<'_>, wanted: Vec<Wanted>, last: bool, watch: &Watch) -> Result<Vec<Other>, Fault> {
    let Base { workshop, source, analysis, fonts, edited } = *base;
    let mut all = Vec::new();
    for wanted in wanted {
        let made = edit_varied(workshop, source, analysis, fonts, edited, (wanted.name, &wanted.brand));
        let made = made.map_err(|failed| *failed.fault);
        if let Err(fault) = &made {
            let stops = fault.code == Code::Cancelled || fault.class() == FaultClass::Interrupted || watch.cancelled();
            let passes = matches!(fault.class(), FaultClass::Transient | FaultClass::Limit);
            if stops || (passes && !last) {
                return Err(fault.clone());
            }
            watch.note(&format!("the file {:?} of a clip could not be made: {fault}", wanted.name));
        }
        all.push(Other { wanted, made });
    }
    Ok(all)
}

/// Files that were put into the library.
pub(super) type Files = Vec<(ArtifactKind, Kept)>;

/// The list of a clip's files, and those that come to the ones of the first. `first` are video and thumbnail of that one.
///
/// # Errors
/// Those of the library, and `encoder_failed` when a file is not the one that was checked.
pub(super) fn keep(
    tools: &Tools,
    owner: Uuid,
    first: (Wanted, &Kept, &Kept),
    others: Vec<Other>,
    watch: &Watch,
) -> Result<(Vec<Rendering>, Files), Fault> {
    let (wanted, video, thumbnail) = first;
    let mut known: BTreeSet<String> = [video, thumbnail].map(|kept| kept.key.as_str().to_owned()).into();
    let mut list = vec![rendering(wanted, Ok((video, thumbnail)))];
    let mut files: Files = Vec::new();
    let part = watch.part("STORE", 0.95, 0.99);
    for Other { wanted, made } in others {
        let varied = match made {
            Ok(varied) => varied,
            Err(fault) => {
                list.push(rendering(wanted, Err(fault)));
                continue;
            }
        };
        let video = tools.library.put_file(&varied.video(), ArtifactKind::Render, Some(owner), "mp4", &part)?;
        let thumbnail =
            tools.library.put_file(&varied.thumbnail(), ArtifactKind::Thumbnail, Some(owner), "jpg", &part)?;
        checked(&varied.qc().sha256, &video)?;
        list.push(rendering(wanted, Ok((&video, &thumbnail))));
        // A logo that nobody can see makes the same bytes, which are one file.
        let new = [(ArtifactKind::Render, video), (ArtifactKind::Thumbnail, thumbnail)];
        files.extend(new.into_iter().filter(|(_, kept)| known.insert(kept.key.as_str().to_owned())));
    }
    Ok((list, files))
}

/// # Errors
/// `encoder_failed` when the file is not the one that quality control saw.
pub(super) fn checked(sha256: &str, video: &Kept) -> Result<(), Fault> {
    if sha256 == video.key.sha256() {
        return Ok(());
    }
    Err(Fault::new(
        Code::EncoderFailed,
        "the rendered file changed after it was checked",
        "check the disk of the cache",
    ))
}

fn rendering(wanted: Wanted, files: Result<(&Kept, &Kept), Fault>) -> Rendering {
    let key = |kept: &Kept| kept.key.as_str().to_owned();
    let (video, thumbnail) = files.as_ref().map_or((None, None), |(video, thumbnail)| (Some(*video), Some(*thumbnail)));
    Rendering {
        variant: wanted.name.into(),
        outlets: wanted.outlets,
        why: wanted.why.into(),
        video: video.map(key),
        thumbnail: thumbnail.map(key),
        sha256: video.map(|kept| kept.key.sha256().to_owned()),
        fault: files.err(),
    }
}
