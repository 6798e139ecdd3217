//! What the engine runs on: queues, timetable, orders, keys, settings, what was learnt, saved answers, audit, logs.

use sea_orm_migration::prelude::*;

use super::columns::*;

pub fn tables() -> Vec<TableCreateStatement> {
    vec![queues(), cron(), directives(), api_keys(), settings(), models(), answers(), audit(), logs()]
}

fn queues() -> TableCreateStatement {
    table(
        "queues",
        vec![
            name("queue"),
            text("mode"),
            big_integer("limit"),
            double("intake"),
            text("reason"),
            big_integer("version"),
        ],
    )
}

fn cron() -> TableCreateStatement {
    table(
        "cron",
        vec![
            name("name"),
            big_integer("every_seconds"),
            text("misfire"),
            big_integer("next_at"),
            big_integer_null("last_at"),
            big_integer("version"),
        ],
    )
}

/// `directive` is the order itself.
fn directives() -> TableCreateStatement {
    table(
        "directives",
        vec![
            id("directive_id"),
            text("directive"),
            text("state"),
            text("source"),
            text("reason"),
            text("evidence"),
            text("rollback"),
            uuid("trace_id"),
            big_integer("created_at"),
            big_integer_null("dispatched_at"),
            big_integer("version"),
        ],
    )
}

fn api_keys() -> TableCreateStatement {
    table(
        "api_keys",
        vec![
            id("api_key_id"),
            text("name"),
            text("role"),
            text("hash"),
            big_integer("created_at"),
            big_integer_null("expires_at"),
            big_integer_null("revoked_at"),
            big_integer_null("last_used_at"),
            big_integer("version"),
        ],
    )
}

fn settings() -> TableCreateStatement {
    table("settings", vec![name("name"), text("value"), big_integer("updated_at"), big_integer("version")])
}

fn models() -> TableCreateStatement {
    table(
        "models",
        vec![
            name("name"),
            text("model"),
            text("steps"),
            text("alarm"),
            uuid("packet_id"),
            big_integer("updated_at"),
            big_integer("version"),
        ],
    )
}

fn answers() -> TableCreateStatement {
    table(
        "idempotent_answers",
        vec![
            name("key"),
            text("body_hash"),
            big_integer("status"),
            text("answer"),
            big_integer("created_at"),
            big_integer("expires_at"),
        ],
    )
}

fn audit() -> TableCreateStatement {
    table(
        "audit",
        vec![
            id("request_id"),
            text("actor"),
            text("role"),
            text("method"),
            text("path"),
            big_integer("status"),
            uuid_null("packet_id"),
            big_integer("at"),
        ],
    )
}

/// No foreign keys: a log row outlives what it is about.
fn logs() -> TableCreateStatement {
    table(
        "logs",
        vec![
            id("log_id"),
            text("source"),
            text("level"),
            text("message"),
            uuid_null("project_id"),
            uuid_null("job_id"),
            uuid_null("trace_id"),
            text_null("stage"),
            text("metadata"),
            big_integer("created_at"),
        ],
    )
}
