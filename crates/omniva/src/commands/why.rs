//! `omniva why`: what the engine's own record says about a clip, a rejected candidate, or a video without clips.

use omniva_contracts::engine::EntityType;
use omniva_contracts::{Code, Fault};
use serde_json::Value;

use super::remote::table;
use crate::cli::WhyArgs;
use crate::engine::{Client, Query, segment};
use crate::progress::print_line;
use crate::style;

pub fn run(args: &WhyArgs, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(&args.server)?;
    let (question, entity) = match (&args.clip, &args.not, &args.none) {
        (Some(clip), _, _) => ("why", entity(clip, EntityType::Clip)?),
        (_, Some(clip), _) => ("why_not", entity(clip, EntityType::Clip)?),
        (_, _, Some(video)) => ("why_none", entity(video, EntityType::Video)?),
        _ => return Err(Fault::new(Code::Usage, "nothing is asked about", "name a clip, --not CLIP or --none VIDEO")),
    };
    let query = Query::default().with("question", Some(question));
    let data = client.get(&format!("/v1/explanations/{}/{}", segment(&entity.0), segment(&entity.1)), query)?;
    if as_json {
        print_line(&data)
    } else {
        tell(&data)
    }
    Ok(0)
}

/// `clips/ID`, or an id alone.
pub fn entity(text: &str, otherwise: EntityType) -> Result<(String, String), Fault> {
    let (table, id) = text.split_once('/').unwrap_or((otherwise.as_str(), text));
    if EntityType::parse(table).is_none() {
        let names = EntityType::ALL.iter().map(|t| t.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Fault::new(Code::Usage, format!("there is no table {table:?}"), format!("choose one of {names}")));
    }
    if uuid::Uuid::parse_str(id).is_err() {
        return Err(Fault::new(
            Code::Usage,
            format!("{id:?} is no id"),
            "ids look like 6f9619ff-8b86-4011-b42d-00c04fc964ff; the list commands show them",
        ));
    }
    Ok((table.to_owned(), id.to_owned()))
}

/// One sentence a line with the packets that it rests on; then what was weighed and not taken.
fn tell(data: &Value) {
    for sentence in list(data, "narrative") {
        say!("{}  {}", table::cell(sentence, "text"), style::dim(&table::cell(sentence, "packets")));
    }
    let discarded = list(data, "discarded");
    if !discarded.is_empty() {
        say!("\nnot taken:");
        for one in discarded {
            say!("  {}: {}", table::cell(one, "what"), table::cell(one, "why"));
        }
    }
    say!("\ncompleteness {}", table::cell(data, "completeness"));
    for missing in list(data, "missing").iter().filter_map(Value::as_str) {
        say!("  missing: {missing}");
    }
}

fn list<'a>(data: &'a Value, name: &str) -> &'a [Value] {
    data.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_named_by_table_and_id_or_by_id_alone() {
        let id = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
        assert_eq!(entity(id, EntityType::Clip), Ok(("clips".into(), id.into())));
        assert_eq!(entity(&format!("jobs/{id}"), EntityType::Clip), Ok(("jobs".into(), id.into())));
        assert!(entity("shoes/1", EntityType::Clip).is_err());
        assert!(entity("clips/../x", EntityType::Clip).is_err());
    }
}
