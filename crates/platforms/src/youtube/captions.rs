//! Captions for a video that is there: `captions.insert` with the file of the edit. Costs far more than any other call, so it
//! is made once; that it was made is seen from YouTube's own refusal of a second track.

use omniva_contracts::{Code, Fault, hex};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Attempt, YoutubePublisher, errors};
use crate::call::{Body, Request};
use crate::files::captions;

impl YoutubePublisher {
    pub(super) fn set_captions(&self, attempt: &Attempt, video: &str) -> Result<(), Fault> {
        let Some((file, path)) = captions(attempt.publication) else { return Ok(()) };
        let Some(language) = attempt.publication.post.language.as_deref().filter(|l| !l.is_empty()) else {
            let next = "set the project's language";
            return Err(Fault::new(Code::PlatformRefused, "nobody knows the language that is spoken", next));
        };
        if file.bytes == 0 || file.bytes > self.config.caption_bytes {
            let message =
                format!("{} has {} bytes, up to {} are sent", file.name, file.bytes, self.config.caption_bytes);
            return Err(Fault::new(Code::PlatformRefused, message, "edit the clip again"));
        }
        let content = std::fs::read(path).map_err(|e| {
            Fault::new(Code::InputUnreadable, format!("{} can't be read", file.name), "edit the clip again")
                .with_detail(e)
        })?;
        let snippet = json!({ "snippet": { "videoId": video, "language": language, "name": "", "isDraft": false } });
        let (kind, body) = multipart(&snippet.to_string(), &content);
        let url = format!("{}/captions?uploadType=multipart&part=snippet", self.config.upload);
        let reply = self.link.send(attempt.monitor, &|token| {
            Request::new("POST", url.as_str())
                .counted_as("youtube_captions")
                .bearer(token.expose())
                .header("Content-Type", kind.as_str())
                .body(Body::Bytes(&body))
        });
        let reply = reply.map_err(|failed| failed.fault("YouTube"))?;
        // Its answer was lost the time before.
        let there = reply.status == 409 || errors::reason(&reply).as_deref() == Some("captionExists");
        if reply.ok() || there { Ok(()) } else { Err(errors::fault(&reply, "add captions", self.link.now())) }
    }
}

/// Media type and body of `multipart/related` (RFC 2387): what it is, then the file.
fn multipart(about: &str, content: &[u8]) -> (String, Vec<u8>) {
    let boundary = boundary(about, content);
    let head = format!(
        "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{about}\r\n--{boundary}\r\nContent-Type: \
         application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    (format!("multipart/related; boundary={boundary}"), [head.as_bytes(), content, tail.as_bytes()].concat())
}

/// A hash of the file can't stand in the file, except by a chance that nobody has.
fn boundary(about: &str, content: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(about.as_bytes());
    hash.update(content);
    format!("omniva-{}", hex(&hash.finalize()).get(..48).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_stand_between_the_boundaries_byte_for_byte() {
        let content = "1\r\n00:00:00,000 --> 00:00:01,000\r\n--omniva-\r\nHé\r\n".as_bytes();
        let (kind, body) = multipart("{\"a\":1}", content);
        let boundary = kind.strip_prefix("multipart/related; boundary=").unwrap();
        assert!(boundary.len() <= 70);
        let text = String::from_utf8(body).unwrap();
        let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 4);
        assert_eq!(parts[1].split_once("\r\n\r\n").unwrap().1, "{\"a\":1}\r\n");
        assert_eq!(parts[2].split_once("\r\n\r\n").unwrap().1.strip_suffix("\r\n").unwrap().as_bytes(), content);
        assert_eq!((parts[0], parts[3]), ("", "--\r\n"));
    }
}
