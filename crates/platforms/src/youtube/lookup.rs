//! Looking for a video of ours on the channel: the uploads playlist names the newest videos, and their tags name the upload.

use omniva_contracts::engine::{Moment, UploadJobId};
use omniva_contracts::{Fault, Monitor};
use serde_json::Value;

use super::{YoutubePublisher, errors, metadata};
use crate::call::{Request, encode};

/// Pages of fifty videos that are looked through.
const MAX_PAGES: u32 = 10;
/// How much older than our session a video may be dated (clocks differ), microseconds.
const SLACK: i64 = 3_600_000_000;

impl YoutubePublisher {
    /// The id of the video that bears the mark of `id`, uploaded since `opened_us`.
    pub(super) fn find_marked(
        &self,
        id: UploadJobId,
        opened_us: i64,
        monitor: &dyn Monitor,
    ) -> Result<Option<String>, Fault> {
        let marker = metadata::marker(id);
        let channel = self.list("channels?part=contentDetails&mine=true", monitor)?;
        let uploads = channel.pointer("/items/0/contentDetails/relatedPlaylists/uploads").and_then(Value::as_str);
        let Some(uploads) = uploads else { return Ok(None) };
        let mut page = String::new();
        for _ in 0..MAX_PAGES {
            let path = format!("playlistItems?part=contentDetails&maxResults=50&playlistId={}{page}", encode(uploads));
            let items = self.list(&path, monitor)?;
            let videos: Vec<(&str, Option<Moment>)> = entries(&items).filter_map(video_of).collect();
            if let Some(found) = self.with_tag(&marker, &videos, monitor)? {
                return Ok(Some(found));
            }
            let older = videos.last().and_then(|(_, at)| *at).is_some_and(|at| at.0 < opened_us.saturating_sub(SLACK));
            match items.get("nextPageToken").and_then(Value::as_str) {
                Some(next) if !older => page = format!("&pageToken={}", encode(next)),
                _ => break,
            }
        }
        Ok(None)
    }

    fn with_tag(
        &self,
        tag: &str,
        videos: &[(&str, Option<Moment>)],
        monitor: &dyn Monitor,
    ) -> Result<Option<String>, Fault> {
        if videos.is_empty() {
            return Ok(None);
        }
        let ids: Vec<String> = videos.iter().map(|(id, _)| encode(id)).collect();
        let listed = self.list(&format!("videos?part=snippet&maxResults=50&id={}", ids.join(",")), monitor)?;
        let bears = |video: &&Value| {
            let tags = video.pointer("/snippet/tags").and_then(Value::as_array);
            tags.is_some_and(|tags| tags.iter().any(|t| t.as_str() == Some(tag)))
        };
        let found = entries(&listed).find(bears);
        Ok(found.and_then(|video| video.get("id")).and_then(Value::as_str).map(str::to_owned))
    }

    /// A list call of the Data API; `path` with its query.
    pub(super) fn list(&self, path: &str, monitor: &dyn Monitor) -> Result<Value, Fault> {
        let url = format!("{}/{path}", self.config.api);
        let reply = self.link.send(monitor, &|token| {
            let request = Request::new("GET", url.as_str()).counted_as("youtube_list");
            request.bearer(token.expose()).header("Accept", "application/json")
        });
        let reply = reply.map_err(|failed| failed.fault("YouTube"))?;
        if reply.ok() { Ok(reply.json()) } else { Err(errors::fault(&reply, "read the channel", self.link.now())) }
    }
}

pub(super) fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.get("items").and_then(Value::as_array).into_iter().flatten()
}

fn video_of(item: &Value) -> Option<(&str, Option<Moment>)> {
    let details = item.get("contentDetails")?;
    let published = details.get("videoPublishedAt").and_then(Value::as_str).and_then(Moment::parse);
    Some((details.get("videoId")?.as_str()?, published))
}
