//! API keys.

use omniva_actors::office::{Command, Refusal};
use serde_json::json;

use crate::call::{Call, OrRefuse, Reply, data};
use crate::keytext::new_key;
use crate::requests::CreateKey;
use crate::route::{Route, shape};
use crate::views::{All, KeyCreated, KeyRevoked, KeyView};

const G: &str = "Keys";

pub const ROUTES: &[Route] = &[
    Route::get("/v1/keys", "List API keys, without their text", |c| Box::pin(list(c))).in_group(G).admin().gives(
        200,
        shape::<All<KeyView>>(
            r#"{"items":[{"api_key_id":"2c3d4e5f-6a7b-4c8d-9e0f-1a2b3c4d5e6f","name":"dashboard","role":"operator","created_at":"2024-05-07T12:05:00.000000Z","expires_at":null,"revoked_at":null}]}"#,
        ),
    ),
    Route::post("/v1/keys", "Make an API key; its text is shown this once", |c| Box::pin(create(c)))
        .in_group(G)
        .admin()
        .takes(shape::<CreateKey>(r#"{"name":"dashboard","role":"admin"}"#))
        .gives(
            201,
            shape::<KeyCreated>(
                r#"{"api_key_id":"2c3d4e5f-6a7b-4c8d-9e0f-1a2b3c4d5e6f","name":"dashboard","role":"admin","created_at":"2024-05-07T12:05:00.000000Z","expires_at":null,"key":"omv_admin_…"}"#,
            ),
        )
        .errors(&[(409, "KEY_EXISTS"), (409, "ADMIN_KEY_FIRST"), (409, "TOO_MANY_KEYS")]),
    Route::delete("/v1/keys/{api_key_id}", "Revoke a key at once", |c| Box::pin(revoke(c)))
        .in_group(G)
        .admin()
        .gives(
            200,
            shape::<KeyRevoked>(
                r#"{"api_key_id":"2c3d4e5f-6a7b-4c8d-9e0f-1a2b3c4d5e6f","name":"dashboard","role":"operator","revoked_at":"2024-05-07T12:05:00.000000Z"}"#,
            ),
        )
        .errors(&[(404, "KEY_NOT_FOUND"), (409, "ALREADY_REVOKED"), (409, "LAST_ADMIN_KEY")]),
];

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let keys = c.reader().api_keys().await.or_refuse()?;
    data(All { items: keys.into_iter().map(KeyView::from).collect() })
}

async fn create(c: &Call) -> Result<Reply, Refusal> {
    let b: CreateKey = c.read()?;
    let key = {
        let mut ids = c.shared.ids.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        new_key(b.role, ids.as_mut())
    };
    let command = Command::CreateKey { name: b.name, role: b.role, expires_at: b.expires_at, hash: key.hash() };
    let mut granted = c.ask(command).await?;
    // The text goes into this one answer and nowhere else: the saved answer of an Idempotency-Key has none.
    if let (false, Some(data)) = (granted.replayed, granted.data.as_object_mut()) {
        data.insert("key".into(), json!(key.as_str()));
    }
    Ok(Reply::Data { status: granted.status, data: granted.data, replayed: granted.replayed })
}

async fn revoke(c: &Call) -> Result<Reply, Refusal> {
    let key = c.id("api_key_id", "KEY_NOT_FOUND")?;
    c.order(Command::RevokeKey { key }).await
}
