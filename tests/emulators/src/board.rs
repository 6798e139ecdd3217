//! All platforms at once, for people: a page with the posts that they got, the same as JSON, and the configuration with
//! which an engine posts here.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::faults::Refusal;
use crate::google::Google;
use crate::http::{Answer, Emulated, Request, Server};
use crate::instagram::Instagram;
use crate::oauth::{CLIENT_ID, CLIENT_SECRET};
use crate::tiktok::Tiktok;

/// YouTube, TikTok, Instagram.
#[derive(Clone)]
pub struct Platforms {
    pub youtube: Arc<Server<Google>>,
    pub tiktok: Arc<Server<Tiktok>>,
    pub instagram: Arc<Server<Instagram>>,
}

/// The page.
pub struct Board {
    platforms: Platforms,
}

impl Board {
    /// The page at `port`, the platforms at the three ports after it; all free ones for 0.
    ///
    /// # Errors
    /// When one of the ports is taken, or there is none.
    pub fn start(port: u16) -> io::Result<Server<Self>> {
        let after = |n: u16| match port {
            0 => Ok(0),
            port => port.checked_add(n).ok_or_else(|| io::Error::other("the ports after it do not exist")),
        };
        let youtube = Server::start_at(after(1)?, |base| {
            let mut google = Google::new(base, 1);
            google.prompt = true;
            google
        })?;
        let tiktok = Server::start_at(after(2)?, Tiktok::new)?;
        let instagram = Server::start_at(after(3)?, |_| Instagram::new())?;
        let platforms =
            Platforms { youtube: Arc::new(youtube), tiktok: Arc::new(tiktok), instagram: Arc::new(instagram) };
        Server::start_at(port, |_| Self { platforms })
    }

    pub fn platforms(&self) -> Platforms {
        self.platforms.clone()
    }

    /// What an engine is given with `--config` to post here.
    pub fn config(&self) -> String {
        let (youtube, tiktok, instagram) =
            (self.platforms.youtube.base(), self.platforms.tiktok.base(), self.platforms.instagram.base());
        format!(
            "# The platforms are emulators on this machine: nothing leaves it.\n\
             [endpoints.youtube]\napi = \"{youtube}/youtube/v3\"\nupload = \"{youtube}/upload/youtube/v3\"\n\
             analytics = \"{youtube}/v2\"\npoll_seconds = 1.0\n\n\
             [endpoints.youtube.oauth]\nauthorize = \"{youtube}/o/oauth2/v2/auth\"\ntoken = \"{youtube}/token\"\n\
             device = \"{youtube}/device/code\"\nrevoke = \"{youtube}/revoke\"\n\n\
             [endpoints.tiktok]\napi = \"{tiktok}/v2\"\npoll_seconds = 1.0\n\n\
             [endpoints.tiktok.oauth]\nauthorize = \"{tiktok}/v2/auth/authorize/\"\ntoken = \"{tiktok}/v2/oauth/token/\"\n\n\
             [endpoints.instagram]\napi = \"{instagram}\"\nupload = \"{instagram}/ig-api-upload\"\npoll_seconds = 1.0\n\n\
             [endpoints.instagram.oauth]\nauthorize = \"{instagram}/oauth/authorize\"\n\
             token = \"{instagram}/oauth/access_token\"\nlong_lived = \"{instagram}/access_token\"\n\
             refresh = \"{instagram}/refresh_access_token\"\n"
        )
    }

    /// The posts of all platforms, and what was asked of them that a real one would refuse.
    pub fn posts(&self) -> Value {
        let (mut posts, mut refused) = (Vec::new(), Vec::new());
        {
            let youtube = self.platforms.youtube.state();
            posts.extend(youtube.videos.iter().map(|video| {
                let (snippet, status) = (&video.resource["snippet"], &video.resource["status"]);
                json!({
                    "platform": "youtube", "id": video.id, "title": snippet["title"], "privacy": status["privacyStatus"],
                    "bytes": video.bytes, "cover": video.cover.is_some(),
                })
            }));
            refused.extend(youtube.violations.iter().map(|why| format!("youtube: {why}")));
        }
        {
            let tiktok = self.platforms.tiktok.state();
            let whole = tiktok.uploads.iter().filter(|(_, upload)| upload.complete() && upload.fails.is_none());
            posts.extend(whole.map(|(id, upload)| {
                json!({
                    "platform": "tiktok", "id": id, "title": upload.title, "privacy": upload.privacy,
                    "bytes": upload.bytes.len(), "cover": false,
                })
            }));
            refused.extend(tiktok.violations.iter().map(|why| format!("tiktok: {why}")));
        }
        {
            let instagram = self.platforms.instagram.state();
            posts.extend(instagram.posts.iter().map(|(id, caption)| {
                let bytes = instagram.containers.values().find(|c| c.media.as_ref() == Some(id)).map(|c| c.bytes.len());
                json!({
                    "platform": "instagram", "id": id, "title": caption, "privacy": "public", "bytes": bytes, "cover": false,
                })
            }));
            refused.extend(instagram.violations.iter().map(|why| format!("instagram: {why}")));
        }
        json!({ "posts": posts, "refused": refused })
    }

    fn page(&self) -> String {
        let all = self.posts();
        let cell = |value: &Value| escaped(value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str());
        let row = |post: &Value| {
            let cells =
                ["platform", "id", "title", "privacy", "bytes"].map(|name| format!("<td>{}</td>", cell(&post[name])));
            format!("<tr>{}</tr>", cells.concat())
        };
        let list = |name: &str| all[name].as_array().cloned().unwrap_or_default();
        let rows: String = list("posts").iter().map(row).collect();
        let refused: String = list("refused").iter().map(|why| format!("<li>{}</li>", cell(why))).collect();
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"2\">\
             <title>Posts</title><style>body{{font:16px sans-serif;margin:2em}}td,th{{padding:.3em 1em;text-align:left}}</style>\
             <h1>Posts</h1><table><tr><th>Platform<th>Id<th>Title<th>Privacy<th>Bytes</tr>{rows}</table>\
             <h2>Refused</h2><ul>{refused}</ul></html>"
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Emulated for Board {
    fn answer(&mut self, request: &Request) -> Answer {
        let text = |kind: &str, body: String| {
            Answer { body: body.into_bytes(), ..Answer::new(200) }.header("Content-Type", kind)
        };
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => text("text/html; charset=utf-8", self.page()),
            ("GET", "/posts") => text("application/json", format!("{:#}\n", self.posts())),
            ("GET", "/omniva.toml") => text("text/plain; charset=utf-8", self.config()),
            ("GET", "/client-id") => text("text/plain; charset=utf-8", format!("{CLIENT_ID}\n")),
            ("GET", "/client-secret") => text("text/plain; charset=utf-8", format!("{CLIENT_SECRET}\n")),
            _ => Answer::new(404),
        }
    }

    fn refuse(&mut self, _: &Request, _: &Refusal) -> Answer {
        Answer::new(503)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn get(base: &str, path: &str) -> String {
        let host = base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn the_page_tells_what_the_platforms_have() {
        let board = Board::start(0).unwrap();
        let platforms = board.state().platforms();
        platforms.youtube.state().place("<b>one", crate::Figures::default());
        platforms.instagram.state().posts.push(("7".into(), "a caption".into()));
        let posts = get(&board.base(), "/posts");
        let json: Value = serde_json::from_str(posts.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(json["posts"].as_array().unwrap().len(), 2, "{json}");
        assert_eq!(json["posts"][1]["title"], "a caption");
        let page = get(&board.base(), "/");
        assert!(page.contains("&lt;b&gt;one") && !page.contains("<b>one"), "{page}");
        let config = get(&board.base(), "/omniva.toml");
        assert!(config.contains(&format!("token = \"{}/token\"", platforms.youtube.base())), "{config}");
        assert!(get(&board.base(), "/nothing").starts_with("HTTP/1.1 404"));
    }

    #[test]
    fn a_taken_port_is_told() {
        let board = Board::start(0).unwrap();
        let port: u16 = board.base().rsplit(':').next().unwrap().parse().unwrap();
        assert!(Board::start(port).is_err());
    }
}
