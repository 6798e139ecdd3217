use omniva_contracts::plan::EditPlan;
pub fn commands(_plan: &EditPlan, _source_name: &str) -> Vec<String> { Vec::new() }
