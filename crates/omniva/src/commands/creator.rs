//! `omniva creator`

use omniva_contracts::Fault;
use serde_json::{Map, Value, json};

use super::project::{absolute, find};
use super::remote::{show_list, show_one};
use crate::cli::{CreatorAdd, CreatorArgs, CreatorCommand};
use crate::engine::{Client, Query, segment};

pub fn run(args: CreatorArgs, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(&args.server)?;
    match args.command {
        CreatorCommand::Add(add) => {
            let project = find(&client, &add.project)?;
            let data = client.post(&format!("/v1/projects/{project}/creators"), &request(&add)?)?;
            show_one(&data, as_json);
        }
        CreatorCommand::List { project } => {
            let project = find(&client, &project)?;
            let data = client.get(&format!("/v1/projects/{project}/creators"), Query::default())?;
            let heads = [
                ("CREATOR", "creator_id"),
                ("PLATFORM", "platform"),
                ("HANDLE", "handle"),
                ("STATUS", "status"),
                ("LAST SEEN", "last_scraped_at"),
            ];
            show_list(&data, &heads, as_json);
        }
        CreatorCommand::Remove { creator } => {
            show_one(&client.delete(&format!("/v1/creators/{}", segment(&creator)))?, as_json);
        }
    }
    Ok(0)
}

fn request(add: &CreatorAdd) -> Result<Value, Fault> {
    let mut body = Map::new();
    body.insert("platform".into(), json!(add.platform));
    body.insert("handle".into(), json!(add.handle));
    if let Some(url) = &add.profile_url {
        body.insert("profile_url".into(), json!(url));
    }
    if let Some(rights) = &add.rights {
        body.insert("rights".into(), json!(rights));
    }
    if let Some(source) = source(add)? {
        body.insert("source".into(), source);
    }
    Ok(Value::Object(body))
}

/// Where the creator's videos come from, as the API wants it.
fn source(add: &CreatorAdd) -> Result<Option<Value>, Fault> {
    let mut source = match (&add.inbox, &add.url, &add.feed, &add.channel, add.follow) {
        (Some(folder), ..) => json!({ "kind": "inbox", "folder": absolute(folder)? }),
        (_, Some(url), ..) => json!({ "kind": "url", "url": url }),
        (_, _, Some(url), ..) => json!({ "kind": "feed", "url": url }),
        (_, _, _, Some(url), _) => json!({ "kind": "channel", "url": url }),
        (.., true) => json!({ "kind": "handle", "platform": add.platform, "handle": add.handle }),
        _ => return Ok(None),
    };
    if let (Some(most), Some(fields)) = (add.max_items, source.as_object_mut()) {
        if add.inbox.is_some() || add.url.is_some() {
            return Err(Fault::new(
                omniva_contracts::Code::Usage,
                "--max-items belongs to a feed, a channel or a handle",
                "leave it out",
            ));
        }
        fields.insert("max_items".into(), json!(most));
    }
    for (field, name) in [("proxy", &add.proxy), ("cookies", &add.cookies)] {
        let Some(name) = name else { continue };
        if add.channel.is_none() && !add.follow {
            return Err(Fault::new(
                omniva_contracts::Code::Usage,
                format!("--{field} belongs to a channel or a handle"),
                "leave it out",
            ));
        }
        if let Some(fields) = source.as_object_mut() {
            fields.insert(field.into(), json!(format!("secret:{}", name.trim_start_matches("secret:"))));
        }
    }
    Ok(Some(source))
}
