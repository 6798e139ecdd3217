//! The JSON Schemas (Draft 2020-12) of everything that is written for others to read. They are checked in under
//! `schemas/`; a test keeps files and types equal.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// Name and schema of each document.
pub fn all() -> Vec<(&'static str, Schema)> {
    use crate::{analysis, config, engine, plan, record, wire};
    vec![
        ("analysis", of::<analysis::Analysis>()),
        ("analysis_result", of::<wire::AnalysisResult>()),
        ("clip", of::<record::ClipRecord>()),
        ("clip_candidate", of::<wire::ClipCandidate>()),
        ("config", of::<config::Config>()),
        ("edit_job", of::<wire::EditJob>()),
        ("edit_plan", of::<plan::EditPlan>()),
        ("engagement_sample", of::<engine::EngagementSample>()),
        ("explanation", of::<engine::Explanation>()),
        ("insights", of::<engine::ClipInsights>()),
        ("learning_step", of::<engine::LearningStep>()),
        ("lineage", of::<engine::Lineage>()),
        ("project_voice", of::<engine::ProjectVoice>()),
        ("proof_bundle", of::<engine::ProofBundle>()),
        ("run", of::<record::RunRecord>()),
        ("upload_job", of::<wire::UploadJob>()),
    ]
}

/// The text form that is checked in and printed.
pub fn text(schema: &Schema) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_SCHEMAS=1 cargo test -p omniva-contracts` writes them anew.
    #[test]
    fn checked_in_schemas_are_those_of_the_types() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        for (name, schema) in all() {
            let (path, wanted) = (folder.join(format!("{name}.json")), text(&schema) + "\n");
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::create_dir_all(&folder).expect("folder");
                std::fs::write(&path, &wanted).expect("written");
            }
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                found == wanted,
                "{} differs from the type: run UPDATE_SCHEMAS=1 cargo test -p omniva-contracts",
                path.display()
            );
        }
    }

    #[test]
    fn schemas_refuse_what_the_types_refuse() {
        let (_, schema) = all().into_iter().find(|(n, _)| *n == "clip_candidate").expect("there");
        let validator = jsonschema::validator_for(schema.as_value()).expect("a valid schema");
        let mut good = serde_json::json!({ "start_time": 1.0, "end_time": 2.0, "confidence": 0.5, "subject_focus": "speaker_1", "faces_detected": 1,
            "semantic_tags": ["a"], "pantheon_votes": { "guardian": 0.4 }, "lattice_priority": 0.2 });
        assert!(validator.is_valid(&good));
        good["confidence"] = serde_json::json!(1.5);
        assert!(!validator.is_valid(&good));
        good["confidence"] = serde_json::json!(0.5);
        good["surprise"] = serde_json::json!(true);
        assert!(!validator.is_valid(&good), "undeclared properties are refused (reference, Module Interfaces §3)");
    }
}
