//! The files of a publication that a platform takes: the video, and a picture for the cover.

use std::path::Path;

use omniva_assets::hash_file;
use omniva_contracts::{Code, Fault, Monitor};

use crate::publisher::{Content, Placed, Publication, PublishFile};

/// The first file.
pub(crate) struct Video<'a> {
    pub name: &'a str,
    pub path: &'a Path,
    pub sha256: &'a str,
    pub bytes: u64,
}

impl<'a> Video<'a> {
    pub fn of(publication: &'a Publication) -> Result<Self, Fault> {
        match publication.files.first() {
            Some(PublishFile { name, content: Content::File { path, sha256 }, bytes }) if *bytes > 0 => {
                Ok(Self { name, path, sha256, bytes: *bytes })
            }
            _ => Err(Fault::internal("a publication does not begin with its video")),
        }
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// `input_corrupt` when it is not what quality control saw, `input_unreadable`, `cancelled`.
    pub fn check(&self, monitor: &dyn Monitor) -> Result<(), Fault> {
        let (sha256, bytes) = hash_file(self.path, monitor)?;
        if sha256 == self.sha256 && bytes == self.bytes {
            return Ok(());
        }
        let message = format!("{} is not what quality control saw", self.name);
        Err(Fault::new(Code::InputCorrupt, message, "edit the clip again"))
    }

    /// How long it is, seconds; `None` where the file does not say.
    pub fn seconds(&self) -> Option<f64> {
        crate::mp4::seconds(self.path)
    }

    pub fn placed(&self) -> Vec<Placed> {
        vec![Placed { name: self.name.to_owned(), sha256: self.sha256.to_owned(), bytes: self.bytes }]
    }
}

/// The captions as SubRip: where they lie, and their size.
pub(crate) fn captions(publication: &Publication) -> Option<(&PublishFile, &Path)> {
    publication.files.iter().find_map(|file| match &file.content {
        Content::File { path, .. } if file.name.to_ascii_lowercase().ends_with(".srt") => Some((file, path.as_path())),
        _ => None,
    })
}

/// The cover: the first picture, with its media type.
pub(crate) fn cover(publication: &Publication) -> Option<(&PublishFile, &Path, &'static str)> {
    publication.files.iter().find_map(|file| {
        let Content::File { path, .. } = &file.content else { return None };
        let kind = match file.name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" => "image/jpeg",
            "png" => "image/png",
            _ => return None,
        };
        Some((file, path.as_path(), kind))
    })
}
