//! `omniva engagement` and `omniva learning`

use std::io::Read;
use std::path::Path;

use omniva_contracts::{Code, Fault};
use serde_json::{Value, json};

use super::project::find;
use super::remote::{page, show_list, show_one, table};
use crate::cli::{EngagementArgs, EngagementCommand, LearningArgs, LearningCommand};
use crate::engine::{Client, Query};
use crate::progress::print_line;

/// More than any request may hold.
const MAX_BYTES: u64 = 16 << 20;

pub fn run(args: EngagementArgs, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(&args.server)?;
    let id = |project: Option<String>| project.map(|name| find(&client, &name)).transpose();
    match args.command {
        EngagementCommand::List { project, channel, page: p } => {
            let query = page(p).with("project_id", id(project)?).with("channel", channel);
            let heads = [
                ("PUBLISHED", "published_at"),
                ("CHANNEL", "channel"),
                ("POST", "post_id"),
                ("VIEWS", "figures.views"),
                ("LIKES", "figures.likes"),
                ("MEASURED", "figures.measured_at"),
                ("TITLE", "title"),
            ];
            show_list(&client.get("/v1/engagement", query)?, &heads, as_json);
        }
        EngagementCommand::Import { channel, file, project } => {
            let body = json!({ "channel": channel, "project_id": id(project)?, "csv": read(&file)? });
            show_one(&client.post("/v1/engagement/import", &body)?, as_json);
        }
        EngagementCommand::Pull => show_one(&client.post("/v1/engagement/pull", &json!({}))?, as_json),
    }
    Ok(0)
}

fn read(path: &Path) -> Result<String, Fault> {
    let name = path.display();
    let unreadable = |e: std::io::Error| {
        Fault::new(Code::InputUnreadable, format!("{name} can't be read"), "check the file's name and rights")
            .with_detail(e)
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        let what = format!("{name} is larger than {MAX_BYTES} bytes");
        return Err(Fault::new(Code::TooLarge, what, "split it, and import each part"));
    }
    String::from_utf8(bytes).map_err(|e| {
        Fault::new(Code::InputCorrupt, format!("{name} is no UTF-8 text"), "save it as UTF-8").with_detail(e)
    })
}

pub fn learning(args: &LearningArgs, as_json: bool) -> Result<u8, Fault> {
    let LearningCommand::Show = args.command;
    let data = Client::new(&args.server)?.get("/v1/learning", Query::default())?;
    if as_json {
        print_line(&data);
        return Ok(0);
    }
    if data.get("on").and_then(Value::as_bool) != Some(true) {
        say!("learning is switched off (engine.learning.on)");
    }
    for channel in data.get("channels").and_then(Value::as_array).into_iter().flatten() {
        show(channel);
    }
    if let Some(personas) = data.get("personas") {
        say!("personas: {}", state(personas));
        for weight in list(personas, "weights") {
            let cell = |key: &str| table::cell(weight, key);
            say!("  {}: weight {} (configured {})", cell("persona"), cell("in_use"), cell("configured"));
        }
    }
    Ok(0)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn state(of: &Value) -> String {
    if of.get("on").and_then(Value::as_bool) == Some(true) {
        let cell = |key: &str| table::cell(of, key);
        return format!("on, version {}, from {} posts", cell("version"), cell("posts"));
    }
    let why: Vec<&str> = list(of, "why_off").iter().filter_map(Value::as_str).collect();
    format!("off: {}", why.join("; "))
}

fn show(channel: &Value) {
    let cell = |key: &str| table::cell(channel, key);
    say!("{} ({}): {}", cell("channel"), cell("time_zone"), state(channel));
    let hours: Vec<String> = list(channel, "best_hours")
        .iter()
        .filter_map(|h| Some(format!("{} ({:.2})", h.get("hour")?.as_str()?, h.get("share")?.as_f64()?)))
        .collect();
    if !hours.is_empty() {
        say!("  best hours: {}", hours.join(", "));
    }
    if let Some(f) = channel.get("forecast").filter(|f| f.is_object()) {
        let number = |key: &str| f.get(key).and_then(Value::as_f64).unwrap_or_default();
        let (expected, low, high) = (number("expected"), number("low"), number("high"));
        let (measure, age) = (table::cell(f, "measure"), table::cell(f, "age_hours"));
        say!("  a middling clip then: about {expected:.0} {measure} ({low:.0} to {high:.0}) after {age} h");
    }
    if let Some(words) = channel.pointer("/alarm/words").and_then(Value::as_str) {
        say!("  last alarm: {words}");
    }
}
