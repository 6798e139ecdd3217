use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A channel's looks. Everything is optional but the colours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrandKit {
    pub name: String,
    /// PNG with alpha; empty = none.
    pub logo: PathBuf,
    /// Width of the logo as a fraction of the canvas width.
    pub logo_width: f64,
    pub logo_opacity: f64,
    /// `top_left`, `top_right`, `bottom_left`, `bottom_right`.
    pub logo_corner: String,
    /// Short videos; empty = none.
    pub intro: PathBuf,
    pub outro: PathBuf,
    /// `#RRGGBB`; empty = the caption style's own colour.
    pub text_color: String,
    pub highlight_color: String,
    pub background: String,
    pub accent: String,
    /// Font family and file; empty = the caption style's own font.
    pub font: String,
    pub font_file: String,
}

impl BrandKit {
    /// Makes relative file names relative to `folder`, the one of the configuration that names them.
    pub fn resolve(&mut self, folder: &std::path::Path) {
        for file in [&mut self.logo, &mut self.intro, &mut self.outro] {
            if !file.as_os_str().is_empty() && file.is_relative() {
                *file = folder.join(&*file);
            }
        }
    }
    pub(super) fn validate(&self, faults: &mut Vec<String>) {
        super::within(faults, "brand.logo_width", self.logo_width, 0.02, 0.6);
        super::within(faults, "brand.logo_opacity", self.logo_opacity, 0.0, 1.0);
        if !["top_left", "top_right", "bottom_left", "bottom_right"].contains(&self.logo_corner.as_str()) {
            faults.push(format!(
                "brand.logo_corner = {:?}: must be top_left, top_right, bottom_left or bottom_right",
                self.logo_corner
            ));
        }
        for (key, value, required) in [
            ("text_color", &self.text_color, false),
            ("highlight_color", &self.highlight_color, false),
            ("background", &self.background, true),
            ("accent", &self.accent, true),
        ] {
            if (required || !value.is_empty()) && !is_color(value) {
                faults.push(format!("brand.{key} = {value:?}: must be #RRGGBB or #RRGGBBAA"));
            }
        }
    }
}

/// `#RRGGBB` or `#RRGGBBAA`.
pub(crate) fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|h| (h.len() == 6 || h.len() == 8) && h.chars().all(|c| c.is_ascii_hexdigit()))
}
