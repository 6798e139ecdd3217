//! The channel's looks (`config/brand.toml`) merged into a plan.

use std::path::Path;

use omniva_contracts::config::{BrandKit, CaptionConfig};
use omniva_contracts::geometry::Rect;
use omniva_contracts::plan::{BrandPlan, CaptionStyle, LogoPlan};

use crate::timeline::fraction;

/// Distance of the logo from the edges, fraction of the canvas width.
const MARGIN: f64 = 0.04;

pub(crate) fn plan(kit: &BrandKit, safe: &CaptionConfig, canvas: (u32, u32)) -> BrandPlan {
    let file = |p: &Path| (!p.as_os_str().is_empty()).then(|| p.to_owned());
    BrandPlan {
        logo: file(&kit.logo).map(|file| LogoPlan { file, area: corner(kit, safe, canvas), opacity: kit.logo_opacity }),
        intro: file(&kit.intro),
        outro: file(&kit.outro),
        background: kit.background.clone(),
        accent: kit.accent.clone(),
    }
}

/// A square box in the corner: the logo's own shape is fitted into it. In the lower corners it stands above what the
/// platforms draw there.
fn corner(kit: &BrandKit, safe: &CaptionConfig, (w, h): (u32, u32)) -> Rect {
    let shape = f64::from(w) / f64::from(h);
    let (width, height) = (kit.logo_width, kit.logo_width * shape);
    let x = if kit.logo_corner.ends_with("left") { MARGIN } else { 1.0 - MARGIN - width };
    let y = if kit.logo_corner.starts_with("top") {
        MARGIN * shape
    } else {
        1.0 - safe.safe_bottom.max(MARGIN * shape) - height
    };
    Rect::new(fraction(x), fraction(y.max(0.0)), fraction(width), fraction(height))
}

/// The style in the brand's colours and font, where the brand has them.
pub(crate) fn dressed(style: &CaptionStyle, kit: &BrandKit) -> CaptionStyle {
    let or = |own: &str, brand: &str| if brand.is_empty() { own.to_owned() } else { brand.to_owned() };
    let mut style = style.clone();
    style.color = or(&style.color, &kit.text_color);
    style.highlight = or(&style.highlight, &kit.highlight_color);
    if !kit.font.is_empty() && !kit.font_file.is_empty() {
        style.font.clone_from(&kit.font);
        style.font_file.clone_from(&kit.font_file);
    }
    style
}

#[cfg(test)]
mod tests {
    use super::*;
    use omniva_contracts::config::Config;

    #[test]
    fn the_brand_wins_where_it_has_an_opinion() {
        let mut config = Config::load(None).expect("loads");
        let style = config.captions.style("bold").expect("shipped").clone();
        assert_eq!(dressed(&style, &config.brand), style);
        config.brand.highlight_color = "#FF0000".into();
        config.brand.font = "Lato Heavy".into();
        config.brand.font_file = "Lato-Heavy.ttf".into();
        let dressed = dressed(&style, &config.brand);
        assert_eq!((dressed.highlight.as_str(), dressed.font.as_str()), ("#FF0000", "Lato Heavy"));
        assert_eq!(dressed.color, style.color);
    }

    #[test]
    fn a_logo_stays_on_the_canvas_in_every_corner() {
        let mut config = Config::load(None).expect("loads");
        config.brand.logo = "logo.png".into();
        for corner in ["top_left", "top_right", "bottom_left", "bottom_right"] {
            config.brand.logo_corner = corner.into();
            let area = plan(&config.brand, &config.captions, (1080, 1920)).logo.expect("a logo").area;
            assert!(area.x >= 0.0 && area.y >= 0.0 && area.x + area.w <= 1.0 && area.y + area.h <= 1.0, "{area:?}");
            assert_eq!(area.x < 0.5, corner.ends_with("left"));
            assert_eq!(area.y < 0.5, corner.starts_with("top"));
        }
    }
}
