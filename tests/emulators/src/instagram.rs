//! Instagram's Graph API for publishing, with resumable uploads of Reels, and for insights.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::faults::Refusal;
use crate::figures::Figures;
use crate::http::{Answer, Emulated, Request};
use crate::oauth::{CLIENT_ID, CLIENT_SECRET};

pub const USER: &str = "17841400000000001";
pub const VERSION: &str = "v26.0";
/// What the owner agreed to.
const PERMISSIONS: &str =
    "instagram_business_basic,instagram_business_content_publish,instagram_business_manage_insights";
const CODE: &str = "PLANTED-ig-code";

#[derive(Clone, Debug)]
pub struct Container {
    pub caption: String,
    pub bytes: Vec<u8>,
    filled: bool,
    /// Questions that are still answered with "in progress".
    working: u32,
    pub fails: Option<&'static str>,
    pub expired: bool,
    /// The post that it became.
    pub media: Option<String>,
}

pub struct Instagram {
    made: u64,
    pub tokens: Vec<String>,
    pub containers: BTreeMap<String, Container>,
    /// Id, caption, in order.
    pub posts: Vec<(String, String)>,
    pub works: u32,
    /// Lists that a new post does not stand in yet.
    pub hide: u32,
    hidden: u32,
    /// The next filled container fails with this.
    pub fails: Option<&'static str>,
    pub used: u32,
    pub quota: u32,
    /// What the clock of the platform says of new posts, as it writes it.
    pub timestamp: String,
    /// By post.
    pub figures: BTreeMap<String, Figures>,
    /// The owner has agreed to `instagram_business_manage_insights`.
    pub insights_granted: bool,
    pub violations: Vec<String>,
}

impl Instagram {
    pub fn new() -> Self {
        Self {
            made: 0,
            tokens: Vec::new(),
            containers: BTreeMap::new(),
            posts: Vec::new(),
            works: 1,
            hide: 0,
            hidden: 0,
            fails: None,
            used: 0,
            quota: 100,
            timestamp: "2030-01-01T00:00:00+0000".into(),
            figures: BTreeMap::new(),
            insights_granted: true,
            violations: Vec::new(),
        }
    }

    pub fn grant(&mut self) -> String {
        self.made += 1;
        let token = format!("PLANTED-instagram-{}", self.made);
        self.tokens.push(token.clone());
        token
    }

    pub fn posted(&self, caption: &str) -> usize {
        self.posts.iter().filter(|(_, text)| text.starts_with(caption)).count()
    }

    fn id(&mut self) -> String {
        self.made += 1;
        format!("1790000{:09}", self.made)
    }

    fn violation(&mut self, request: &Request, why: &str) -> Answer {
        self.violations.push(format!("{} {}: {why}", request.method, request.path));
        error(400, 100, 0, why)
    }

    fn make(&mut self, request: &Request) -> Answer {
        let form = request.form();
        let field =
            |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str()).to_owned();
        let caption = field("caption");
        let starts = |c: char| caption.split_whitespace().filter(|word| word.starts_with(c)).count();
        if field("media_type") != "REELS" || field("upload_type") != "resumable" {
            return self.violation(request, "media or upload type");
        }
        if caption.chars().count() > 2_200 || starts('#') > 30 || starts('@') > 20 {
            return self.violation(request, "caption");
        }
        let id = self.id();
        let working = self.works;
        let container =
            Container { caption, bytes: Vec::new(), filled: false, working, fails: None, expired: false, media: None };
        self.containers.insert(id.clone(), container);
        Answer::json(
            200,
            &json!({ "id": id, "uri": format!("https://rupload.facebook.com/ig-api-upload/{VERSION}/{id}") }),
        )
    }

    fn fill(&mut self, request: &Request, id: &str) -> Answer {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("OAuth ")).unwrap_or_default();
        if !self.tokens.iter().any(|known| known == token) {
            return error(401, 190, 0, "Invalid OAuth access token");
        }
        let size = request.header("file_size").and_then(|n| n.parse().ok());
        if request.header("offset") != Some("0") || size != Some(request.declared) || request.declared == 0 {
            return self.violation(request, "offset or file_size");
        }
        let fails = self.fails;
        match self.containers.get_mut(id) {
            None => error(404, 100, 33, "no such container"),
            Some(container) if container.filled => error(400, 100, 0, "the container has its video"),
            Some(container) => {
                container.bytes = request.body.clone();
                container.filled = true;
                container.fails = fails;
                self.fails = None;
                Answer::json(200, &json!({ "success": true }))
            }
        }
    }

    fn status(&mut self, id: &str) -> Answer {
        let Some(container) = self.containers.get_mut(id) else { return error(400, 100, 33, "no such object") };
        let said =
            |code: &str, words: &str| Answer::json(200, &json!({ "id": id, "status_code": code, "status": words }));
        if container.media.is_some() {
            return said("PUBLISHED", "Published");
        }
        if container.expired {
            return said("EXPIRED", "Expired");
        }
        if !container.filled || container.working > 0 {
            container.working -= u32::from(container.filled);
            return said("IN_PROGRESS", "In progress");
        }
        match container.fails {
            Some(code) => said("ERROR", &format!("Error: {code}")),
            None => said("FINISHED", "Finished"),
        }
    }

    fn publish(&mut self, request: &Request) -> Answer {
        let form = request.form();
        let id = form.iter().find(|(key, _)| key == "creation_id").map_or("", |(_, value)| value.as_str()).to_owned();
        if self.used >= self.quota {
            return error(403, 9, 2_207_042, "cap reached");
        }
        let media = self.id();
        match self.containers.get_mut(&id) {
            None => error(400, 100, 33, "no such container"),
            Some(container) if container.media.is_some() => error(400, 100, 0, "published already"),
            Some(container) if !container.filled || container.working > 0 => error(400, 9007, 2_207_027, "not ready"),
            Some(container) if container.fails.is_some() || container.expired => error(400, 9007, 2_207_008, "gone"),
            Some(container) => {
                container.media = Some(media.clone());
                self.posts.push((media.clone(), container.caption.clone()));
                self.used += 1;
                self.hidden = self.hide;
                Answer::json(200, &json!({ "id": media }))
            }
        }
    }

    fn node(&mut self, request: &Request, id: &str) -> Answer {
        let fields = request.query("fields").unwrap_or_default();
        if fields.contains("status_code") {
            return self.status(id);
        }
        match self.posts.iter().find(|(post, _)| post == id) {
            Some(_) => {
                Answer::json(200, &json!({ "id": id, "permalink": format!("https://www.instagram.com/reel/{id}/") }))
            }
            None => error(400, 100, 33, "no such object"),
        }
    }

    fn insights(&mut self, request: &Request, id: &str) -> Answer {
        let metrics: Vec<String> = request.query("metric").unwrap_or_default().split(',').map(str::to_owned).collect();
        let known = ["views", "reach", "likes", "comments", "shares", "saved", "total_interactions"];
        let good = |m: &String| known.contains(&m.as_str()) || m.starts_with("ig_reels_");
        if !metrics.iter().all(good) || request.query("period") != Some("lifetime") {
            return self.violation(request, "metric or period");
        }
        if !self.insights_granted {
            return error(403, 10, 0, "Application does not have permission for this action");
        }
        let Some(figures) = self.figures.get(id) else { return error(400, 100, 33, "no such object") };
        let told = |m: &String| {
            let value = figures.metric(m)?;
            Some(
                json!({ "name": m, "period": "lifetime", "values": [{ "value": value }], "id": format!("{id}/insights/{m}/lifetime") }),
            )
        };
        let data: Vec<Value> = if figures.late { Vec::new() } else { metrics.iter().filter_map(told).collect() };
        Answer::json(200, &json!({ "data": data }))
    }

    fn list(&mut self) -> Answer {
        let newest = usize::from(self.hidden > 0);
        self.hidden = self.hidden.saturating_sub(1);
        let item =
            |(id, caption): &(String, String)| json!({ "id": id, "caption": caption, "timestamp": self.timestamp });
        let items: Vec<Value> = self.posts.iter().rev().skip(newest).take(50).map(item).collect();
        Answer::json(200, &json!({ "data": items }))
    }

    /// The consent page, where the owner agrees at once. Instagram knows no PKCE, and ends the address with `#_`.
    fn consent(&mut self, request: &Request) -> Answer {
        let field = |name: &str| request.query(name).unwrap_or_default();
        let (redirect, state, scope) = (field("redirect_uri"), field("state"), field("scope"));
        if field("client_id") != CLIENT_ID || field("response_type") != "code" || state.len() < 32 {
            return self.violation(request, "client, response type or state");
        }
        if !redirect.starts_with("http://127.0.0.1:") || !scope.contains("instagram_business_content_publish") {
            return self.violation(request, "redirect or scope");
        }
        Answer::new(302).header("Location", format!("{redirect}?code={CODE}&state={state}#_"))
    }

    /// A code, a short-lived token or a long-lived one becomes the next.
    fn token(&mut self, request: &Request) -> Option<Answer> {
        let field = |name: &str| {
            let form = request.form();
            let found = request.query(name).map(str::to_owned);
            found.or_else(|| form.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)).unwrap_or_default()
        };
        let known = self.tokens.contains(&field("access_token"));
        let good = match (request.method.as_str(), request.path.as_str(), field("grant_type").as_str()) {
            ("POST", "/oauth/access_token", "authorization_code") => {
                field("client_id") == CLIENT_ID && field("client_secret") == CLIENT_SECRET && field("code") == CODE
            }
            ("GET", "/access_token", "ig_exchange_token") => known && field("client_secret") == CLIENT_SECRET,
            ("GET", "/refresh_access_token", "ig_refresh_token") => known,
            _ => return None,
        };
        if !good {
            return Some(error(400, 190, 0, "Error validating access token"));
        }
        let token = self.grant();
        Some(if request.method == "POST" {
            let data = json!({ "access_token": token, "user_id": USER, "permissions": PERMISSIONS });
            Answer::json(200, &json!({ "data": [data] }))
        } else {
            Answer::json(200, &json!({ "access_token": token, "token_type": "bearer", "expires_in": 5_184_000 }))
        })
    }
}

impl Default for Instagram {
    fn default() -> Self {
        Self::new()
    }
}

impl Emulated for Instagram {
    fn answer(&mut self, request: &Request) -> Answer {
        if (request.method.as_str(), request.path.as_str()) == ("GET", "/oauth/authorize") {
            return self.consent(request);
        }
        if let Some(answer) = self.token(request) {
            return answer;
        }
        let parts: Vec<String> = request.path.trim_matches('/').split('/').map(str::to_owned).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if let ("POST", ["ig-api-upload", VERSION, id]) = (request.method.as_str(), parts.as_slice()) {
            return self.fill(request, id);
        }
        if !request.bearer().is_some_and(|token| self.tokens.iter().any(|known| known == token)) {
            return error(400, 190, 0, "Invalid OAuth access token");
        }
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", [VERSION, USER, "content_publishing_limit"]) => Answer::json(
                200,
                &json!({ "data": [{ "quota_usage": self.used, "config": { "quota_total": self.quota, "quota_duration": 86_400 } }] }),
            ),
            ("POST", [VERSION, USER, "media"]) => self.make(request),
            ("POST", [VERSION, USER, "media_publish"]) => self.publish(request),
            ("GET", [VERSION, USER, "media"]) => self.list(),
            ("GET", [VERSION, id, "insights"]) => self.insights(request, id),
            ("GET", [VERSION, id]) => self.node(request, id),
            _ => self.violation(request, "no such call"),
        }
    }

    fn refuse(&mut self, request: &Request, refusal: &Refusal) -> Answer {
        match refusal {
            // A token of theirs that was refused can't renew itself, so that dice never do this.
            Refusal::Unauthorised => error(503, 2, 0, "Service temporarily unavailable"),
            Refusal::Slower(seconds) => {
                error(429, 4, 0, "Application request limit reached").header("Retry-After", seconds.to_string())
            }
            Refusal::Broken(status) => error(*status, 2, 0, "emulated"),
            Refusal::Gone(_) => {
                // The container is forgotten, published or not.
                let id = request.path.rsplit('/').next().unwrap_or_default();
                match self.containers.remove(id) {
                    Some(_) => error(400, 100, 33, "no such object"),
                    None => error(503, 2, 0, "emulated"),
                }
            }
            Refusal::Reason(status, codes) => {
                let mut numbers = codes.split('/').filter_map(|n| n.parse().ok());
                error(*status, numbers.next().unwrap_or(0), numbers.next().unwrap_or(0), "emulated")
            }
        }
    }
}

fn error(status: u16, code: i64, subcode: i64, message: &str) -> Answer {
    let error = json!({ "message": message, "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A" });
    Answer::json(status, &json!({ "error": error }))
}
