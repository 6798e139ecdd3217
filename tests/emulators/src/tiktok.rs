//! TikTok's OAuth, Content Posting API, and figures of videos.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::faults::Refusal;
use crate::figures::Figures;
use crate::http::{Answer, Emulated, Request};
use crate::oauth::{Challenge, Tokens};

#[derive(Clone, Debug)]
pub struct Upload {
    pub title: String,
    pub privacy: String,
    size: usize,
    chunk: usize,
    count: usize,
    pub bytes: Vec<u8>,
    /// Pieces that have arrived.
    pieces: usize,
    /// The address for the bytes is gone.
    closed: bool,
    /// Questions that are still answered with "processing".
    pub working: u32,
    pub fails: Option<&'static str>,
}

impl Upload {
    pub fn complete(&self) -> bool {
        self.bytes.len() == self.size
    }
}

pub struct Tiktok {
    base: String,
    pub tokens: Tokens,
    /// By publish id.
    pub uploads: BTreeMap<String, Upload>,
    made: u64,
    pub privacy: Vec<&'static str>,
    /// Smallest piece but the last.
    pub min_chunk: usize,
    /// Questions that a finished upload is "processing" for.
    pub works: u32,
    /// The next finished upload fails with this.
    pub fails: Option<&'static str>,
    /// By the number of a public video.
    pub figures: BTreeMap<String, Figures>,
    /// Longest video that the account may post, seconds.
    pub max_seconds: u32,
    /// Posts for the owner alone that everybody can see all the same.
    pub leaks: bool,
    pub violations: Vec<String>,
}

impl Tiktok {
    pub fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            tokens: Tokens::new(
                "tiktok",
                "client_key",
                Challenge::Hex,
                true,
                "user.info.basic,video.publish,video.list",
            ),
            uploads: BTreeMap::new(),
            made: 0,
            privacy: vec!["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
            min_chunk: 5_000_000,
            works: 1,
            fails: None,
            figures: BTreeMap::new(),
            max_seconds: 600,
            leaks: false,
            violations: Vec::new(),
        }
    }

    /// Posts whose text begins so: those that were published.
    pub fn posts(&self, title: &str) -> usize {
        self.uploads.values().filter(|u| u.complete() && u.fails.is_none() && u.title.starts_with(title)).count()
    }

    fn violation(&mut self, request: &Request, why: &str) -> Answer {
        self.violations.push(format!("{} {}: {why}", request.method, request.path));
        error(400, "invalid_params", why)
    }

    fn creator(&mut self) -> Answer {
        ok(&json!({
            "creator_username": "creator", "creator_nickname": "Creator", "privacy_level_options": self.privacy,
            "comment_disabled": false, "duet_disabled": true, "stitch_disabled": false, "max_video_post_duration_sec": self.max_seconds,
        }))
    }

    fn init(&mut self, request: &Request) -> Answer {
        if request.header("content-type") != Some("application/json; charset=UTF-8") {
            return self.violation(request, "content type");
        }
        let body = request.json();
        let (post, source) = (&body["post_info"], &body["source_info"]);
        let number = |key: &str| source[key].as_u64().unwrap_or(0) as usize;
        let (size, chunk, count) = (number("video_size"), number("chunk_size"), number("total_chunk_count"));
        let (title, privacy) =
            (post["title"].as_str().unwrap_or_default(), post["privacy_level"].as_str().unwrap_or_default());
        if source["source"] != "FILE_UPLOAD"
            || size == 0
            || chunk == 0
            || chunk > size
            || count != size / chunk
            || count > 1_000
        {
            return self.violation(request, "source_info");
        }
        if count > 1 && !(self.min_chunk..=64_000_000).contains(&chunk) || size - chunk * (count - 1) > 128_000_000 {
            return self.violation(request, "sizes of pieces");
        }
        if title.encode_utf16().count() > 2_200 || post["disable_duet"] != true {
            return self.violation(request, "title, or a duet that the account forbids");
        }
        if !self.privacy.contains(&privacy) {
            return error(400, "privacy_level_option_mismatch", "emulated");
        }
        self.made += 1;
        let id = format!("v_pub_file~v2.{}", self.made);
        let upload = Upload {
            title: title.to_owned(),
            privacy: privacy.to_owned(),
            size,
            chunk,
            count,
            bytes: Vec::new(),
            pieces: 0,
            closed: false,
            working: self.works,
            fails: None,
        };
        self.uploads.insert(id.clone(), upload);
        let url = format!("{}/video/?upload_id=PLANTED-{id}&upload_token=PLANTED", self.base);
        ok(&json!({ "publish_id": id, "upload_url": url }))
    }

    fn query(&mut self, request: &Request) -> Answer {
        if !self.tokens.scope.split(',').any(|scope| scope == "video.list") {
            return error(401, "scope_not_authorized", "The user did not authorize the scope required");
        }
        if request.header("content-type") != Some("application/json; charset=UTF-8") {
            return self.violation(request, "content type");
        }
        let fields: Vec<String> = request.query("fields").unwrap_or_default().split(',').map(str::to_owned).collect();
        let known = ["id", "view_count", "like_count", "comment_count", "share_count", "duration", "title"];
        if fields.iter().any(|field| !known.contains(&field.as_str())) {
            return self.violation(request, "fields");
        }
        let body = request.json();
        let ids: Vec<&str> =
            body["filters"]["video_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let number = |id: &&str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        if ids.is_empty() || ids.len() > 20 || !ids.iter().all(number) {
            return self.violation(request, "one to twenty ids, which are numbers");
        }
        let told = |id: &&str| {
            let figures = self.figures.get(*id)?;
            let mut video = json!({});
            for field in &fields {
                video[field] = match field.as_str() {
                    "id" => json!(id),
                    "view_count" if figures.late => continue,
                    "view_count" => json!(figures.views),
                    "like_count" => json!(figures.likes),
                    "comment_count" => json!(figures.comments),
                    "share_count" => json!(figures.shares),
                    _ => continue,
                };
            }
            Some(video)
        };
        let videos: Vec<Value> = ids.iter().filter_map(told).collect();
        ok(&json!({ "videos": videos }))
    }

    fn put(&mut self, request: &Request) -> Answer {
        let id = upload_id(request);
        let Some(upload) = self.uploads.get(&id).filter(|upload| !upload.closed && !upload.complete()) else {
            return Answer::new(404);
        };
        let (from, last) = (upload.pieces * upload.chunk, upload.pieces + 1 == upload.count);
        let to = if last { upload.size } else { from + upload.chunk };
        let range = request.header("content-range").unwrap_or_default();
        if range != format!("bytes {from}-{}/{}", to - 1, upload.size) {
            // A piece that is there already is refused, not a crime: its answer may have been lost.
            return Answer::new(416);
        }
        if request.declared != to - from || request.header("content-type") != Some("video/mp4") {
            return self.violation(request, "length or type of a piece");
        }
        let Some(upload) = self.uploads.get_mut(&id) else { return Answer::new(404) };
        upload.bytes.extend_from_slice(&request.body);
        upload.pieces += 1;
        if !upload.complete() {
            return Answer::new(206).header("Content-Range", format!("bytes 0-{}/{}", to - 1, upload.size));
        }
        upload.fails = self.fails.take();
        Answer::new(201)
    }

    fn status(&mut self, request: &Request) -> Answer {
        let id = request.json()["publish_id"].as_str().unwrap_or_default().to_owned();
        let Some(upload) = self.uploads.get_mut(&id) else { return error(400, "invalid_publish_id", "no such post") };
        if !upload.complete() {
            return ok(&json!({ "status": "PROCESSING_UPLOAD", "uploaded_bytes": upload.bytes.len() }));
        }
        if upload.working > 0 {
            // The count lags behind: the last piece is there and does not stand in it yet.
            upload.working -= 1;
            let counted = upload.chunk * (upload.count - 1);
            return ok(&json!({ "status": "PROCESSING_UPLOAD", "uploaded_bytes": counted }));
        }
        match upload.fails {
            Some(reason) => ok(&json!({ "status": "FAILED", "fail_reason": reason })),
            None if upload.privacy == "PUBLIC_TO_EVERYONE" || self.leaks => {
                let number: u64 = id.rsplit('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
                ok(&json!({ "status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [7_000_000_000u64 + number] }))
            }
            None => ok(&json!({ "status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [] })),
        }
    }
}

impl Emulated for Tiktok {
    fn answer(&mut self, request: &Request) -> Answer {
        let route = (request.method.as_str(), request.path.as_str());
        match route {
            ("GET", "/v2/auth/authorize/") => {
                return match self.tokens.consent(&request.query) {
                    Ok(back) => Answer::new(302).header("Location", back),
                    Err(why) => self.violation(request, &why),
                };
            }
            ("POST", "/v2/oauth/token/") => return self.tokens.token(request),
            ("PUT", "/video/") => return self.put(request),
            _ => {}
        }
        if !self.tokens.good(request.bearer()) {
            return error(401, "access_token_invalid", "The access token is invalid");
        }
        match route {
            ("POST", "/v2/post/publish/creator_info/query/") => self.creator(),
            ("POST", "/v2/post/publish/video/init/") => self.init(request),
            ("POST", "/v2/post/publish/status/fetch/") => self.status(request),
            ("POST", "/v2/video/query/") => self.query(request),
            _ => self.violation(request, "no such call"),
        }
    }

    fn refuse(&mut self, request: &Request, refusal: &Refusal) -> Answer {
        match refusal {
            Refusal::Unauthorised if request.bearer().is_some() => {
                self.tokens.take_away(request.bearer());
                error(401, "access_token_invalid", "emulated")
            }
            Refusal::Unauthorised => Answer::new(503),
            Refusal::Slower(seconds) => {
                error(429, "rate_limit_exceeded", "slower").header("Retry-After", seconds.to_string())
            }
            Refusal::Broken(status) => error(*status, "internal_error", "emulated"),
            Refusal::Gone(status) if request.method == "PUT" => {
                if let Some(upload) = self.uploads.get_mut(&upload_id(request)) {
                    upload.closed = true;
                }
                Answer::new(*status)
            }
            Refusal::Gone(_) => Answer::new(503),
            Refusal::Reason(status, code) => error(*status, code, "emulated"),
        }
    }
}

fn upload_id(request: &Request) -> String {
    request.query("upload_id").and_then(|id| id.strip_prefix("PLANTED-")).unwrap_or_default().to_owned()
}

fn ok(data: &Value) -> Answer {
    Answer::json(200, &json!({ "data": data, "error": { "code": "ok", "message": "", "log_id": "1" } }))
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "data": {}, "error": { "code": code, "message": message, "log_id": "1" } }))
}
