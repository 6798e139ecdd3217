//! What the commands that talk to an engine share: lists as tables, objects as lines, or the API's data as JSON.

use serde_json::Value;

use crate::cli::PageArgs;
use crate::engine::Query;
use crate::progress::print_line;
pub(super) use crate::table;
use crate::table::Table;

pub fn page(page: PageArgs) -> Query {
    Query::default().with("limit", Some(page.limit)).with("offset", (page.offset > 0).then_some(page.offset))
}

/// The `items` of a list; none when the answer has none.
pub fn items(data: &Value) -> &[Value] {
    data.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `heads`: title of each column and where its value stands.
pub fn show_list(data: &Value, heads: &[(&str, &str)], as_json: bool) {
    if as_json {
        print_line(data);
        return;
    }
    let rows = items(data);
    if rows.is_empty() {
        say!("none");
        return;
    }
    Table::of(heads, rows).print();
    let total = data.pointer("/pagination/total").and_then(Value::as_u64);
    if let Some(total) = total.filter(|t| *t > rows.len() as u64) {
        say!("{} of {total}; more with --offset", rows.len());
    }
}

pub fn show_one(data: &Value, as_json: bool) {
    if as_json { print_line(data) } else { table::print_fields(data) }
}
