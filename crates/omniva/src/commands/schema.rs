//! `omniva schema`: the JSON Schemas (Draft 2020-12) of what omniva writes.

use omniva_contracts::schemas;
use omniva_contracts::{Code, Fault};

pub fn run(name: Option<&str>) -> Result<u8, Fault> {
    let all = schemas::all();
    let names = all.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", ");
    let Some(name) = name else {
        say!("{}", names.replace(", ", "\n"));
        return Ok(0);
    };
    let (_, schema) = all.iter().find(|(n, _)| *n == name).ok_or_else(|| {
        Fault::new(Code::Usage, format!("there is no schema {name:?}"), format!("choose one of {names}"))
    })?;
    say!("{}", schemas::text(schema));
    Ok(0)
}
