//! Google's OAuth, YouTube's Data API v3 with resumable uploads, and YouTube Analytics.

mod captions;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::faults::{Dice, Refusal};
use crate::figures::{Figures, Report};
use crate::http::{Answer, Emulated, Request};
use crate::oauth::{Challenge, Tokens};

pub use captions::Caption;

const UNIT: usize = 262_144;
pub const SCOPE: &str = "https://www.googleapis.com/auth/youtube";
pub const ANALYTICS_SCOPE: &str = "https://www.googleapis.com/auth/yt-analytics.readonly";

#[derive(Clone, Debug)]
pub struct Video {
    pub id: String,
    pub resource: Value,
    pub sha256: [u8; 32],
    pub bytes: usize,
    /// List calls that do not show it yet.
    pub hidden: u32,
    pub upload_status: &'static str,
    pub processing: &'static str,
    pub reason: Option<&'static str>,
    pub cover: Option<Vec<u8>>,
}

impl Video {
    fn tags(&self) -> Vec<&str> {
        self.resource["snippet"]["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

struct Session {
    resource: Value,
    total: usize,
    bytes: Vec<u8>,
    video: Option<String>,
}

pub struct Google {
    base: String,
    pub tokens: Tokens,
    pub videos: Vec<Video>,
    sessions: BTreeMap<String, Session>,
    made: u64,
    dice: Dice,
    /// Share of chunks of which only a part is kept.
    pub forgets: f64,
    /// List calls that a new video stays invisible for.
    pub hide: u32,
    pub refuses_duplicates: bool,
    /// A video is processed as soon as it is there.
    pub prompt: bool,
    /// Playlist id, video id.
    pub playlist: Vec<(String, String)>,
    /// By video.
    pub figures: BTreeMap<String, Figures>,
    /// First and last day of each report that was asked for.
    pub reports: Vec<(String, String)>,
    pub captions: Vec<Caption>,
    /// Whether the grant holds the right to add captions.
    pub may_caption: bool,
    /// What captions have cost.
    pub units: u32,
    /// What no client should have sent.
    pub violations: Vec<String>,
}

impl Google {
    pub fn new(base: &str, seed: u64) -> Self {
        Self {
            base: base.to_owned(),
            tokens: Tokens::new("google", "client_id", Challenge::Base64, false, &format!("{SCOPE} {ANALYTICS_SCOPE}")),
            videos: Vec::new(),
            sessions: BTreeMap::new(),
            made: 0,
            dice: Dice::new(seed),
            forgets: 0.0,
            hide: 0,
            refuses_duplicates: false,
            prompt: false,
            playlist: Vec::new(),
            figures: BTreeMap::new(),
            reports: Vec::new(),
            captions: Vec::new(),
            may_caption: true,
            units: 0,
            violations: Vec::new(),
        }
    }

    /// How many videos bear a tag.
    pub fn tagged(&self, tag: &str) -> usize {
        self.videos.iter().filter(|video| video.tags().contains(&tag)).count()
    }

    fn violation(&mut self, request: &Request, why: &str) -> Answer {
        self.violations.push(format!("{} {}: {why}", request.method, request.path));
        error(400, "badRequest", why)
    }

    fn open(&mut self, request: &Request) -> Answer {
        if request.query("uploadType") != Some("resumable") || request.query("part") != Some("snippet,status") {
            return self.violation(request, "uploadType or part");
        }
        if request.header("content-type") != Some("application/json; charset=UTF-8") {
            return self.violation(request, "content type");
        }
        let total = request.header("x-upload-content-length").and_then(|n| n.parse().ok()).filter(|n: &usize| *n > 0);
        let kind = request
            .header("x-upload-content-type")
            .is_some_and(|t| t.starts_with("video/") || t == "application/octet-stream");
        let (Some(total), true) = (total, kind) else { return self.violation(request, "X-Upload headers") };
        let resource = request.json();
        if let Some(why) = wrong(&resource) {
            return self.violation(request, why);
        }
        self.made += 1;
        let id = format!("PLANTED-session-{}", self.made);
        let uri = format!("{}/upload/youtube/v3/videos?uploadType=resumable&upload_id={id}", self.base);
        self.sessions.insert(id, Session { resource, total, bytes: Vec::new(), video: None });
        Answer::new(200).header("Location", uri)
    }

    fn put(&mut self, request: &Request) -> Answer {
        let id = request.query("upload_id").unwrap_or_default().to_owned();
        let Some(session) = self.sessions.get(&id) else { return Answer::new(404) };
        let (total, has) = (session.total, session.bytes.len());
        if let Some(video) = &session.video {
            let resource = self.videos.iter().find(|v| v.id == *video).map(listed).unwrap_or_default();
            return Answer::json(200, &resource);
        }
        let range = request.header("content-range").unwrap_or_default().to_owned();
        if request.declared == 0 && range == format!("bytes */{total}") {
            return incomplete(has);
        }
        let Some((from, to)) = parse_range(&range, total) else { return self.violation(request, "Content-Range") };
        if to + 1 - from != request.declared || request.header("content-type").is_none() {
            return self.violation(request, "length and range differ, or no content type");
        }
        if from != has {
            return self.violation(request, &format!("{from} sent where {has} is next"));
        }
        if to + 1 != total && !request.declared.is_multiple_of(UNIT) {
            return self.violation(request, "a chunk that is no multiple of 256 KiB");
        }
        self.store(&id, &request.body);
        self.finish(&id)
    }

    /// Keeps a chunk, or a part of it that is whole units.
    fn store(&mut self, id: &str, bytes: &[u8]) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let room = session.total - session.bytes.len();
        let mut kept = bytes.len().min(room);
        if self.dice.chance(self.forgets) {
            kept = (self.dice.roll() * kept as f64) as usize / UNIT * UNIT;
        }
        session.bytes.extend_from_slice(&bytes[..kept]);
    }

    fn finish(&mut self, id: &str) -> Answer {
        let Some(session) = self.sessions.get_mut(id) else { return Answer::new(404) };
        if session.bytes.len() < session.total {
            return incomplete(session.bytes.len());
        }
        self.made += 1;
        let video = format!("v{:010}", self.made);
        session.video = Some(video.clone());
        let sha256: [u8; 32] = Sha256::digest(&session.bytes).into();
        let twice = self.refuses_duplicates && self.videos.iter().any(|v| v.sha256 == sha256);
        let video = Video {
            id: video,
            resource: session.resource.clone(),
            sha256,
            bytes: session.total,
            hidden: self.hide,
            upload_status: if twice { "rejected" } else { "uploaded" },
            processing: match (twice, self.prompt) {
                (true, _) => "terminated",
                (false, true) => "succeeded",
                (false, false) => "processing",
            },
            reason: twice.then_some("duplicate"),
            cover: None,
        };
        session.bytes = Vec::new();
        session.bytes.resize(session.total, 0);
        let answer = Answer::json(201, &listed(&video));
        self.videos.push(video);
        answer
    }

    /// A video that has been on the channel for a while.
    pub fn place(&mut self, id: &str, figures: Figures) {
        self.videos.push(Video {
            id: id.to_owned(),
            resource: json!({ "snippet": { "title": id }, "status": { "privacyStatus": "public" } }),
            sha256: [0; 32],
            bytes: 1,
            hidden: 0,
            upload_status: "processed",
            processing: "succeeded",
            reason: None,
            cover: None,
        });
        self.figures.insert(id.to_owned(), figures);
    }

    fn granted(&self, scope: &str) -> bool {
        self.tokens.scope.split(' ').any(|granted| granted == scope)
    }

    fn report(&mut self, request: &Request) -> Answer {
        if !self.granted(ANALYTICS_SCOPE) {
            return error(403, "insufficientPermissions", "Request had insufficient authentication scopes.");
        }
        match Report::read(request) {
            Err(why) => self.violation(request, why),
            Ok(report) => {
                self.reports.push((report.start.clone(), report.end.clone()));
                let there = |id: &str| self.videos.iter().any(|v| v.id == id);
                let figures = |id: &str| self.figures.get(id).filter(|_| there(id)).cloned();
                Answer::json(200, &report.answer(figures))
            }
        }
    }

    fn list_videos(&mut self, request: &Request) -> Answer {
        let ids: Vec<&str> = request.query("id").unwrap_or_default().split(',').collect();
        if ids.len() > 50 || ids.iter().any(|id| id.is_empty()) {
            return self.violation(request, "one to fifty ids");
        }
        if request.query("part") == Some("statistics") {
            let told = |v: &Video| {
                let figures = self.figures.get(&v.id).cloned().unwrap_or_default();
                json!({ "kind": "youtube#video", "id": v.id, "statistics": figures.statistics() })
            };
            let items: Vec<Value> = self.videos.iter().filter(|v| ids.contains(&v.id.as_str())).map(told).collect();
            return Answer::json(200, &json!({ "kind": "youtube#videoListResponse", "items": items }));
        }
        let items: Vec<Value> = self.videos.iter().filter(|v| ids.contains(&v.id.as_str())).map(listed).collect();
        Answer::json(200, &json!({ "kind": "youtube#videoListResponse", "items": items }))
    }

    fn list_playlist(&mut self, request: &Request) -> Answer {
        let playlist = request.query("playlistId").unwrap_or_default();
        if playlist != "UU-uploads" {
            let wanted = request.query("videoId");
            let rows = self.playlist.iter().filter(|(p, v)| p == playlist && wanted.is_none_or(|w| w == v));
            let items: Vec<Value> = rows.map(|(_, v)| json!({ "id": format!("item-{v}") })).collect();
            return Answer::json(200, &json!({ "items": items }));
        }
        let mut visible = Vec::new();
        for video in &mut self.videos {
            if video.hidden > 0 {
                video.hidden -= 1;
            } else {
                visible.push(video.id.clone());
            }
        }
        visible.reverse();
        let at: usize = request.query("pageToken").and_then(|t| t.strip_prefix('p')?.parse().ok()).unwrap_or(0);
        let items: Vec<Value> =
            visible.iter().skip(at).take(50).map(|id| json!({ "contentDetails": { "videoId": id } })).collect();
        let mut page = json!({ "items": items });
        if visible.len() > at + 50 {
            page["nextPageToken"] = json!(format!("p{}", at + 50));
        }
        Answer::json(200, &page)
    }

    fn insert_playlist(&mut self, request: &Request) -> Answer {
        let body = request.json();
        let text = |at: &str| body.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let (playlist, video) = (text("/snippet/playlistId"), text("/snippet/resourceId/videoId"));
        let (Some(playlist), Some(video), Some("snippet")) = (playlist, video, request.query("part")) else {
            return self.violation(request, "playlist item");
        };
        self.playlist.push((playlist, video));
        Answer::json(200, &json!({ "id": "item" }))
    }

    fn set_cover(&mut self, request: &Request) -> Answer {
        let id = request.query("videoId").unwrap_or_default().to_owned();
        if !matches!(request.header("content-type"), Some("image/jpeg" | "image/png")) || request.body.is_empty() {
            return self.violation(request, "no picture");
        }
        if request.body.len() > 2_097_152 {
            return error(400, "invalidImage", "too large");
        }
        match self.videos.iter_mut().find(|v| v.id == id) {
            Some(video) => {
                video.cover = Some(request.body.clone());
                Answer::json(200, &json!({ "items": [] }))
            }
            None => error(404, "videoNotFound", "no such video"),
        }
    }

    fn consent(&mut self, request: &Request) -> Answer {
        if request.query("access_type") != Some("offline") || request.query("prompt") != Some("consent") {
            return self.violation(request, "no offline access was asked for");
        }
        match self.tokens.consent(&request.query) {
            Ok(back) => Answer::new(302).header("Location", back),
            Err(why) => self.violation(request, &why),
        }
    }

    fn device(&mut self, request: &Request) -> Answer {
        let form = request.form();
        if !form.iter().any(|(name, scope)| name == "scope" && scope == SCOPE) {
            return Answer::json(400, &json!({ "error": "invalid_scope" }));
        }
        let page = format!("{}/device", self.base);
        Answer::json(
            200,
            &json!({
                "device_code": "PLANTED-device", "user_code": "GQVQ-JKEC", "verification_url": page, "expires_in": 1800, "interval": 5,
            }),
        )
    }
}

impl Emulated for Google {
    fn answer(&mut self, request: &Request) -> Answer {
        let route = (request.method.as_str(), request.path.as_str());
        match route {
            ("GET", "/o/oauth2/v2/auth") => return self.consent(request),
            ("POST", "/token") => return self.tokens.token(request),
            ("POST", "/device/code") => return self.device(request),
            ("POST", "/revoke") => {
                self.tokens.revoked = true;
                return Answer::json(200, &json!({}));
            }
            _ => {}
        }
        if !self.tokens.good(request.bearer()) {
            return error(401, "authError", "Invalid Credentials");
        }
        match route {
            ("POST", "/upload/youtube/v3/videos") => self.open(request),
            ("PUT", "/upload/youtube/v3/videos") => self.put(request),
            ("POST", "/upload/youtube/v3/thumbnails/set") => self.set_cover(request),
            ("POST", "/upload/youtube/v3/captions") => self.insert_caption(request),
            ("GET", "/youtube/v3/channels") => {
                let related = json!({ "relatedPlaylists": { "uploads": "UU-uploads" } });
                Answer::json(200, &json!({ "items": [{ "id": "UC", "contentDetails": related }] }))
            }
            ("GET", "/youtube/v3/playlistItems") => self.list_playlist(request),
            ("POST", "/youtube/v3/playlistItems") => self.insert_playlist(request),
            ("GET", "/youtube/v3/videos") => self.list_videos(request),
            ("GET", "/v2/reports") => self.report(request),
            _ => self.violation(request, "no such call"),
        }
    }

    fn refuse(&mut self, request: &Request, refusal: &Refusal) -> Answer {
        let token = request.path == "/token";
        match refusal {
            Refusal::Unauthorised if token => Answer::new(503),
            Refusal::Unauthorised => {
                self.tokens.take_away(request.bearer());
                error(401, "authError", "Invalid Credentials")
            }
            Refusal::Slower(seconds) => {
                error(429, "rateLimitExceeded", "slower").header("Retry-After", seconds.to_string())
            }
            Refusal::Broken(status) => error(*status, "backendError", "emulated"),
            Refusal::Gone(status) => match request.query("upload_id") {
                Some(id) if request.method == "PUT" => {
                    self.sessions.remove(id);
                    Answer::new(*status)
                }
                _ => Answer::new(503),
            },
            Refusal::Reason(status, reason) => error(*status, reason, "emulated"),
        }
    }

    fn partial(&mut self, request: &Request) {
        let id = request.query("upload_id").unwrap_or_default().to_owned();
        let next = self.sessions.get(&id).map(|s| (s.total, s.bytes.len(), s.video.is_none()));
        let range = request.header("content-range").unwrap_or_default();
        let Some((total, has, true)) = next.filter(|_| request.method == "PUT") else { return };
        if parse_range(range, total).is_some_and(|(from, _)| from == has) && self.tokens.good(request.bearer()) {
            let whole = request.body.len() / UNIT * UNIT;
            self.store(&id, &request.body[..whole]);
        }
    }
}

fn incomplete(has: usize) -> Answer {
    if has == 0 { Answer::new(308) } else { Answer::new(308).header("Range", format!("bytes=0-{}", has - 1)) }
}

fn parse_range(text: &str, total: usize) -> Option<(usize, usize)> {
    let (span, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = span.split_once('-')?;
    let (from, to): (usize, usize) = (from.parse().ok()?, to.parse().ok()?);
    (whole.parse() == Ok(total) && from <= to && to < total).then_some((from, to))
}

fn listed(video: &Video) -> Value {
    let mut item = video.resource.clone();
    item["id"] = json!(video.id);
    item["status"]["uploadStatus"] = json!(video.upload_status);
    if let Some(reason) = video.reason {
        item["status"]["rejectionReason"] = json!(reason);
    }
    item["processingDetails"] = json!({ "processingStatus": video.processing });
    item
}

fn error(status: u16, reason: &str, message: &str) -> Answer {
    let errors = json!([{ "domain": "youtube.emulator", "reason": reason, "message": message }]);
    Answer::json(status, &json!({ "error": { "code": status, "message": message, "errors": errors } }))
}

/// What is wrong with a video resource.
fn wrong(resource: &Value) -> Option<&'static str> {
    let text = |at: &str| resource.pointer(at).and_then(Value::as_str);
    let title = text("/snippet/title").unwrap_or_default();
    let description = text("/snippet/description").unwrap_or_default();
    let tags: Vec<&str> =
        resource["snippet"]["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let cost: usize = tags.iter().map(|t| t.chars().count() + 1 + if t.contains(' ') { 2 } else { 0 }).sum();
    if title.is_empty() || title.chars().count() > 100 || title.contains(['<', '>']) {
        return Some("title");
    }
    if description.len() > 5_000 || description.contains(['<', '>']) || cost > 500 {
        return Some("description or tags");
    }
    if text("/snippet/categoryId").is_none() || resource["status"]["selfDeclaredMadeForKids"].as_bool().is_none() {
        return Some("category or the mark for children");
    }
    match (text("/status/privacyStatus"), text("/status/publishAt")) {
        (Some("private"), _) | (Some("public" | "unlisted"), None) => None,
        (Some(_), Some(_)) => Some("publishAt without private"),
        _ => Some("no privacy: it would be public"),
    }
}
