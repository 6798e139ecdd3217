//! Which rendering of a clip a place needs: the project's own, unless the place forbids something of it.

use omniva_contracts::config::{BrandKit, Endpoints};
use omniva_contracts::engine::Outlet;

/// A rendering. Two places whose variants have the same name can share one file.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderVariant {
    /// Part of file names and of the keys of what is kept.
    pub name: &'static str,
    pub brand: BrandKit,
    /// Longest clip that the place takes as what it is meant to be, seconds; an account may be allowed less. `None`: any.
    pub max_seconds: Option<f64>,
}

impl RenderVariant {
    /// Whether a clip of this length can go there.
    pub fn takes(&self, seconds: f64) -> bool {
        self.max_seconds.is_none_or(|most| seconds <= most)
    }
}

/// The variant for a place. TikTok's guidelines forbid marks of a brand on the picture, so that its clips have no logo; a
/// brand without one looks the same everywhere.
pub fn render_variant(outlet: Outlet, brand: &BrandKit, endpoints: &Endpoints) -> RenderVariant {
    let max_seconds = match outlet {
        Outlet::Youtube => Some(endpoints.youtube.max_seconds),
        Outlet::Tiktok => Some(endpoints.tiktok.max_seconds),
        Outlet::Instagram => Some(endpoints.instagram.max_seconds),
        Outlet::Folder | Outlet::Webhook => None,
    };
    if outlet == Outlet::Tiktok && !brand.logo.as_os_str().is_empty() {
        let brand = BrandKit { logo: std::path::PathBuf::new(), ..brand.clone() };
        return RenderVariant { name: "unmarked", brand, max_seconds };
    }
    RenderVariant { name: "project", brand: brand.clone(), max_seconds }
}

#[cfg(test)]
mod tests {
    use omniva_contracts::config::Config;

    use super::*;

    #[test]
    fn only_tiktok_and_only_a_logo_asks_for_another_rendering() {
        let endpoints = Endpoints::load(None).expect("shipped");
        let plain = Config::load(None).expect("shipped").brand;
        let marked = BrandKit { logo: "logo.png".into(), ..plain.clone() };
        for outlet in Outlet::ALL {
            assert_eq!(render_variant(outlet, &plain, &endpoints).name, "project");
            let variant = render_variant(outlet, &marked, &endpoints);
            assert_eq!(variant.name == "unmarked", outlet == Outlet::Tiktok);
            assert_eq!(variant.brand == marked, outlet != Outlet::Tiktok);
            assert_eq!(variant.brand.accent, marked.accent);
        }
        let takes = |outlet, seconds| render_variant(outlet, &plain, &endpoints).takes(seconds);
        assert!(takes(Outlet::Youtube, 180.0) && !takes(Outlet::Youtube, 180.1), "a Short");
        assert!(takes(Outlet::Tiktok, 600.0) && !takes(Outlet::Tiktok, 601.0));
        assert!(takes(Outlet::Instagram, 900.0) && !takes(Outlet::Instagram, 901.0) && takes(Outlet::Folder, 1e6));
    }
}
