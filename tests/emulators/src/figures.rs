//! What posts have achieved, as a test sets it, and how each platform tells it.

use serde_json::{Value, json};

use crate::http::Request;

/// Of one post. What a platform does not have at all it does not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub views: u64,
    pub engaged: u64,
    pub likes: u64,
    pub comments: u64,
    pub shares: u64,
    pub watch_seconds: f64,
    /// 0..100
    pub percentage: f64,
    /// The owner's reports do not have it yet.
    pub late: bool,
    /// The owner hides likes and comments.
    pub hidden: bool,
}

impl Figures {
    /// Of so many views: half of them engaged, a tenth liked.
    pub fn of(views: u64) -> Self {
        Self {
            views,
            engaged: views / 2,
            likes: views / 10,
            comments: views / 100,
            shares: views / 50,
            watch_seconds: views as f64 * 12.0,
            percentage: 62.5,
            late: false,
            hidden: false,
        }
    }

    /// `statistics` of a video of YouTube: numbers as text.
    pub(crate) fn statistics(&self) -> Value {
        let mut told = json!({ "viewCount": self.views.to_string(), "favoriteCount": "0" });
        if !self.hidden {
            told["likeCount"] = json!(self.likes.to_string());
            told["commentCount"] = json!(self.comments.to_string());
        }
        told
    }

    pub(crate) fn metric(&self, name: &str) -> Option<Value> {
        Some(match name {
            "views" => json!(self.views),
            "engagedViews" => json!(self.engaged),
            "likes" => json!(self.likes),
            "comments" => json!(self.comments),
            "shares" => json!(self.shares),
            "estimatedMinutesWatched" => json!((self.watch_seconds / 60.0).round()),
            "averageViewDuration" => json!((self.watch_seconds / self.views.max(1) as f64).round()),
            "averageViewPercentage" => json!(self.percentage),
            "subscribersGained" => json!(0),
            "reach" | "saved" => json!(self.views / 2),
            "total_interactions" => json!(self.likes + self.comments + self.shares),
            "ig_reels_video_view_total_time" => json!((self.watch_seconds * 1000.0) as u64),
            "ig_reels_avg_watch_time" => json!((self.watch_seconds * 1000.0 / self.views.max(1) as f64) as u64),
            _ => return None,
        })
    }
}

/// A question for a report of YouTube Analytics.
pub(crate) struct Report {
    pub start: String,
    pub end: String,
    pub videos: Vec<String>,
    pub metrics: Vec<String>,
}

impl Report {
    /// # Errors
    /// What the service would not take.
    pub fn read(request: &Request) -> Result<Self, &'static str> {
        let field = |name: &str| request.query(name).unwrap_or_default().to_owned();
        if field("ids") != "channel==MINE" || field("dimensions") != "video" {
            return Err("ids or dimensions");
        }
        let (start, end) = (field("startDate"), field("endDate"));
        if !date(&start) || !date(&end) || start > end {
            return Err("startDate or endDate");
        }
        let filters = field("filters");
        let videos: Vec<String> =
            filters.strip_prefix("video==").ok_or("filters")?.split(',').map(str::to_owned).collect();
        if videos.len() > 500 || videos.iter().any(String::is_empty) {
            return Err("the videos of the filter");
        }
        let metrics: Vec<String> = field("metrics").split(',').map(str::to_owned).collect();
        let known = |m: &String| !m.starts_with("ig_") && Figures::default().metric(m).is_some();
        if !metrics.iter().all(known) {
            return Err("metrics");
        }
        // A report by video has to say which ones come first, and how many.
        let most = field("maxResults").parse::<usize>().unwrap_or(0);
        if !(1..=200).contains(&most) || most < videos.len() || field("sort") != "-views" {
            return Err("maxResults or sort");
        }
        Ok(Self { start, end, videos, metrics })
    }

    pub fn answer(&self, figures: impl Fn(&str) -> Option<Figures>) -> Value {
        let header =
            |name: &str, column: &str, data: &str| json!({ "name": name, "columnType": column, "dataType": data });
        let mut headers = vec![header("video", "DIMENSION", "STRING")];
        headers.extend(self.metrics.iter().map(|m| header(m, "METRIC", "INTEGER")));
        let mut found: Vec<(String, Figures)> =
            self.videos.iter().filter_map(|id| Some((id.clone(), figures(id).filter(|f| !f.late)?))).collect();
        found.sort_by_key(|(_, f)| std::cmp::Reverse(f.views));
        let row = |(id, f): &(String, Figures)| {
            let mut row = vec![json!(id)];
            row.extend(self.metrics.iter().map(|m| f.metric(m).unwrap_or_default()));
            Value::Array(row)
        };
        let mut answer = json!({ "kind": "youtubeAnalytics#resultTable", "columnHeaders": headers });
        // Without any row the field is absent.
        if !found.is_empty() {
            answer["rows"] = found.iter().map(row).collect();
        }
        answer
    }
}

fn date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() })
}
