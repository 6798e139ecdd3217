//! `omniva project`, and how other commands find a project by its name.

use omniva_contracts::{Code, Fault};
use serde_json::{Map, Value, json};

use super::remote::{items, page, show_list, show_one, table};
use crate::cli::{ProjectArgs, ProjectCommand, ProjectCreate};
use crate::engine::{Client, Query, segment};

/// Projects that are asked for at once while a name is looked up.
const AT_ONCE: u64 = 200;

pub fn run(args: ProjectArgs, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(&args.server)?;
    match args.command {
        ProjectCommand::Create(create) => {
            let data = client.post("/v1/projects", &request(&create)?)?;
            show_one(&data, as_json);
        }
        ProjectCommand::List { status, page: p } => {
            let data = client.get("/v1/projects", page(p).with("status", status))?;
            let heads = [
                ("PROJECT", "project_id"),
                ("NAME", "name"),
                ("STATUS", "status"),
                ("VIDEOS", "videos_scraped"),
                ("CLIPS", "clips_ready"),
                ("CREATED", "created_at"),
            ];
            show_list(&data, &heads, as_json);
        }
        ProjectCommand::Show { project } => {
            let id = find(&client, &project)?;
            show_one(&client.get(&format!("/v1/projects/{id}"), Query::default())?, as_json);
        }
        ProjectCommand::Start { project, reason } => change(&client, &project, "start", &reason, as_json)?,
        ProjectCommand::Stop { project, reason } => change(&client, &project, "stop", &reason, as_json)?,
        ProjectCommand::Clips { clip: Some(clip), .. } => {
            show_one(&client.get(&format!("/v1/clips/{}", segment(&clip)), Query::default())?, as_json);
        }
        ProjectCommand::Clips { project, status, page: p, .. } => {
            let id = find(&client, &project)?;
            let data = client.get(&format!("/v1/projects/{id}/clips"), page(p).with("status", status))?;
            let heads = [
                ("CLIP", "clip_id"),
                ("STATUS", "status"),
                ("CONFIDENCE", "confidence"),
                ("START", "start_time"),
                ("END", "end_time"),
                ("TITLE", "title"),
            ];
            show_list(&data, &heads, as_json);
        }
    }
    Ok(0)
}

fn change(client: &Client, project: &str, verb: &str, reason: &str, as_json: bool) -> Result<(), Fault> {
    let id = find(client, project)?;
    let data = client.post(&format!("/v1/projects/{id}/{verb}"), &json!({ "reason": reason }))?;
    show_one(&data, as_json);
    Ok(())
}

/// What was left out stays out, so that the engine's defaults apply.
fn request(create: &ProjectCreate) -> Result<Value, Fault> {
    let mut settings = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            settings.insert(name.to_owned(), value);
        }
    };
    set("daily_quota", create.daily_quota.map(Value::from));
    set("clips_per_video", create.clips_per_video.map(Value::from));
    set("clip_min_seconds", create.min.map(Value::from));
    set("clip_max_seconds", create.max.map(Value::from));
    set("language", create.language.clone().map(Value::from));
    set("captions", create.captions.clone().map(Value::from));
    set("keywords", (!create.keywords.is_empty()).then(|| json!(create.keywords)));
    set("publish_to", create.publish_to.clone().map(Value::from));
    if let Some(folder) = &create.output {
        set("output_folder", Some(json!(absolute(folder)?)));
    }
    let mut body = json!({ "name": create.name, "description": create.description });
    if let Some(map) = body.as_object_mut().filter(|_| !settings.is_empty()) {
        map.insert("settings".to_owned(), Value::Object(settings));
    }
    Ok(body)
}

/// The engine may run elsewhere: it gets folders by their full names.
pub fn absolute(folder: &std::path::Path) -> Result<String, Fault> {
    let unusable = || Fault::new(Code::Usage, "the folder's name can't be used", "name a folder in UTF-8");
    let path = std::path::absolute(folder).map_err(|e| unusable().with_detail(e))?;
    path.to_str().map(str::to_owned).ok_or_else(unusable)
}

/// The id of the project that `text` names, by id or by name.
pub fn find(client: &Client, text: &str) -> Result<String, Fault> {
    if uuid::Uuid::parse_str(text).is_ok() {
        return Ok(text.to_owned());
    }
    let mut offset = 0;
    loop {
        let query = Query::default().with("limit", Some(AT_ONCE)).with("offset", Some(offset));
        let data = client.get("/v1/projects", query)?;
        let found = items(&data);
        if let Some(project) = found.iter().find(|p| p.get("name").and_then(Value::as_str) == Some(text)) {
            return Ok(table::cell(project, "project_id"));
        }
        offset += AT_ONCE;
        let total = data.pointer("/pagination/total").and_then(Value::as_u64).unwrap_or(0);
        if found.is_empty() || offset >= total {
            return Err(Fault::new(
                Code::NotFound,
                format!("there is no project {text:?}"),
                "omniva project list shows the names",
            ));
        }
    }
}
