//! `captions.insert`: multipart/related, and one track for each language of a video.

use serde_json::Value;

use super::{Google, error};
use crate::http::{Answer, Request};

/// What one insert costs, in units of the project's quota.
pub const COST: u32 = 400;

#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    pub video: String,
    pub language: String,
    pub bytes: Vec<u8>,
}

impl Google {
    pub(super) fn insert_caption(&mut self, request: &Request) -> Answer {
        if request.query("uploadType") != Some("multipart") || request.query("part") != Some("snippet") {
            return self.violation(request, "uploadType or part");
        }
        let Some((about, bytes)) = parts(request) else { return self.violation(request, "no multipart/related") };
        let text = |at: &str| about.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (video, language) = (text("/snippet/videoId"), text("/snippet/language"));
        if language.is_empty() || about.pointer("/snippet/name").and_then(Value::as_str).is_none() || bytes.is_empty() {
            return self.violation(request, "snippet, or no captions");
        }
        self.units += COST;
        if !self.may_caption {
            return error(403, "insufficientPermissions", "youtube.force-ssl is required");
        }
        if !self.videos.iter().any(|known| known.id == video) {
            return error(404, "videoNotFound", "no such video");
        }
        if self.captions.iter().any(|known| known.video == video && known.language == language) {
            return error(409, "captionExists", "there is a track of that language and name");
        }
        self.captions.push(Caption { video, language, bytes });
        Answer::json(200, &about)
    }
}

/// The resource and the file.
fn parts(request: &Request) -> Option<(Value, Vec<u8>)> {
    let boundary = request.header("content-type")?.strip_prefix("multipart/related; boundary=")?;
    if boundary.is_empty() || boundary.len() > 70 {
        return None;
    }
    let text = std::str::from_utf8(&request.body).ok()?;
    let inner = text.strip_prefix(&format!("--{boundary}\r\n"))?.strip_suffix(&format!("\r\n--{boundary}--\r\n"))?;
    let (about, file) = inner.split_once(&format!("\r\n--{boundary}\r\n"))?;
    let about = about.strip_prefix("Content-Type: application/json; charset=UTF-8\r\n\r\n")?;
    let file = file.strip_prefix("Content-Type: application/octet-stream\r\n\r\n")?;
    Some((serde_json::from_str(about).ok()?, file.as_bytes().to_vec()))
}
