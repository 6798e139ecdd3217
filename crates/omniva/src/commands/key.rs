//! `omniva key`

use omniva_contracts::Fault;
use serde_json::json;

use super::remote::{show_list, show_one};
use crate::cli::{KeyArgs, KeyCommand};
use crate::engine::{Client, Query, segment};

pub fn run(args: KeyArgs, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(&args.server)?;
    match args.command {
        KeyCommand::Create { name, role, expires } => {
            let mut body = json!({ "name": name, "role": role.as_str() });
            if let (Some(map), Some(expires)) = (body.as_object_mut(), expires) {
                map.insert("expires_at".into(), json!(expires));
            }
            show_one(&client.post("/v1/keys", &body)?, as_json);
            if !as_json {
                remark!("The key is shown this once: put it into a file of mode 0600 and pass it with --key-file.");
            }
        }
        KeyCommand::List => {
            let heads = [
                ("KEY", "api_key_id"),
                ("NAME", "name"),
                ("ROLE", "role"),
                ("CREATED", "created_at"),
                ("EXPIRES", "expires_at"),
                ("REVOKED", "revoked_at"),
                ("LAST USED", "last_used_at"),
            ];
            show_list(&client.get("/v1/keys", Query::default())?, &heads, as_json);
        }
        KeyCommand::Revoke { key } => show_one(&client.delete(&format!("/v1/keys/{}", segment(&key)))?, as_json),
    }
    Ok(0)
}
