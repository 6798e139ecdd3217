//! Which rendering of a clip a place needs: the project's own, unless the place forbids something of it.

use omniva_contracts::config::{BrandKit, Endpoints};
use omniva_contracts::engine::{Clip, Outlet, Rendering};
use omniva_contracts::record::StyleDelta;
use omniva_contracts::{Code, Fault};
use serde::Deserialize;

/// Where a clip's row keeps what it was rendered as: a list of [`Rendering`].
pub const RENDERINGS: &str = "renderings";
/// Name of the rendering that is made as the project says.
pub const OWN: &str = "project";
/// Name of the rendering without marks of the brand.
pub const UNMARKED: &str = "unmarked";

const NO_MARKS: &str = "without the brand's logo: TikTok's guidelines forbid marks of a brand on the picture";

/// A rendering. Two places whose variants have the same name can share one file.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderVariant {
    /// Part of the keys of what is kept.
    pub name: &'static str,
    pub brand: BrandKit,
    /// What differs from the project's own, and why; empty for that one.
    pub why: &'static str,
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
        return RenderVariant { name: UNMARKED, brand, why: NO_MARKS, max_seconds };
    }
    RenderVariant { name: OWN, brand: brand.clone(), why: "", max_seconds }
}

/// A rendering that has to be made, and the places that it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub name: &'static str,
    pub brand: BrandKit,
    pub why: &'static str,
    pub outlets: Vec<Outlet>,
}

/// What has to be rendered so that a clip can go to all of `outlets`: each distinct variant once, the project's own first
/// where a place takes it. Without any place it is the project's own.
pub fn wanted(
    outlets: impl IntoIterator<Item = Outlet>,
    brand: &BrandKit,
    endpoints: &Endpoints,
) -> (Wanted, Vec<Wanted>) {
    let mut all: Vec<Wanted> = Vec::new();
    for outlet in outlets {
        let variant = render_variant(outlet, brand, endpoints);
        match all.iter_mut().find(|one| one.name == variant.name) {
            Some(one) if one.outlets.contains(&outlet) => {}
            Some(one) => one.outlets.push(outlet),
            None => {
                let RenderVariant { name, brand, why, .. } = variant;
                all.push(Wanted { name, brand, why, outlets: vec![outlet] });
            }
        }
    }
    all.iter_mut().for_each(|one| one.outlets.sort_unstable());
    all.sort_by_key(|one| (one.name != OWN, one.name));
    let mut all = all.into_iter();
    let own = || Wanted { name: OWN, brand: brand.clone(), why: "", outlets: Vec::new() };
    (all.next().unwrap_or_else(own), all.collect())
}

/// What a clip was rendered as; empty for one whose only file is older than such lists.
///
/// # Errors
/// `internal` when the clip's row can't be read.
pub fn renderings(clip: &Clip) -> Result<Vec<Rendering>, Fault> {
    let Some(kept) = clip.metadata.get(RENDERINGS) else { return Ok(Vec::new()) };
    Vec::deserialize(kept).map_err(|e| Fault::internal("the renderings of a clip can't be read").with_detail(e))
}

/// The rendering that was made for a place, if one was.
pub fn made_for(kept: &[Rendering], outlet: Outlet) -> Option<&Rendering> {
    kept.iter().find(|one| one.outlets.contains(&outlet))
}

/// The rendering that goes to a place. `asked` is the name of the variant that the place asks for today: it counts where the
/// clip was rendered before the project published there. What a stricter place takes may go anywhere.
///
/// # Errors
/// The rendering's own fault where it has no file, `clip_refused` where none was made that the place takes.
pub fn chosen<'a>(kept: &'a [Rendering], outlet: Outlet, asked: &str) -> Result<&'a Rendering, Fault> {
    let named = || kept.iter().find(|one| one.variant == asked);
    let any = || kept.iter().find(|one| asked == OWN && one.fault.is_none());
    let one = made_for(kept, outlet).or_else(named).or_else(any).ok_or_else(|| {
        Fault::new(
            Code::ClipRefused,
            format!("the clip was rendered before it was to go to {}, which needs the file {asked}", outlet.as_str()),
            "edit the clip again: every file that the project's channels need is then made",
        )
    })?;
    match &one.fault {
        Some(fault) => Err(fault.clone()),
        None => Ok(one),
    }
}

/// What goes out differs from the project's own, as a change with its reason; `None` where it does not.
pub fn delta(rendering: &Rendering) -> Option<StyleDelta> {
    (rendering.variant != OWN).then(|| StyleDelta {
        field: "video".into(),
        before: OWN.into(),
        after: rendering.variant.clone(),
        why: rendering.why.clone(),
        rule: "render_variant".into(),
    })
}

#[cfg(test)]
mod tests {
    use omniva_contracts::config::Config;

    use super::*;

    fn endpoints() -> Endpoints {
        Endpoints::load(None).expect("shipped")
    }

    fn brands() -> (BrandKit, BrandKit) {
        let plain = Config::load(None).expect("shipped").brand;
        (plain.clone(), BrandKit { logo: "logo.png".into(), ..plain })
    }

    #[test]
    fn only_tiktok_and_only_a_logo_asks_for_another_rendering() {
        let endpoints = endpoints();
        let (plain, marked) = brands();
        for outlet in Outlet::ALL {
            assert_eq!(render_variant(outlet, &plain, &endpoints).name, OWN);
            let variant = render_variant(outlet, &marked, &endpoints);
            assert_eq!(variant.name == UNMARKED, outlet == Outlet::Tiktok);
            assert_eq!(variant.brand == marked, outlet != Outlet::Tiktok);
            assert_eq!(variant.brand.accent, marked.accent);
            assert_eq!(variant.why.is_empty(), variant.name == OWN);
        }
        let takes = |outlet, seconds| render_variant(outlet, &plain, &endpoints).takes(seconds);
        assert!(takes(Outlet::Youtube, 180.0) && !takes(Outlet::Youtube, 180.1), "a Short");
        assert!(takes(Outlet::Tiktok, 600.0) && !takes(Outlet::Tiktok, 601.0));
        assert!(takes(Outlet::Instagram, 900.0) && !takes(Outlet::Instagram, 901.0) && takes(Outlet::Folder, 1e6));
    }

    #[test]
    fn each_distinct_variant_is_rendered_once_and_the_projects_own_first() {
        let endpoints = endpoints();
        let (plain, marked) = brands();
        use Outlet::{Folder, Instagram, Tiktok, Youtube};
        let named = |outlets: &[Outlet], brand: &BrandKit| -> Vec<(&'static str, Vec<Outlet>)> {
            let (first, others) = wanted(outlets.iter().copied(), brand, &endpoints);
            [first].into_iter().chain(others).map(|one| (one.name, one.outlets)).collect()
        };
        let both = [(OWN, vec![Youtube, Instagram]), (UNMARKED, vec![Tiktok])];
        assert_eq!(named(&[Tiktok, Instagram, Youtube, Tiktok, Youtube], &marked), both, "whatever their order");
        assert_eq!(named(&[Youtube, Tiktok], &plain), [(OWN, vec![Youtube, Tiktok])]);
        assert_eq!(named(&[Tiktok], &marked), [(UNMARKED, vec![Tiktok])], "nobody takes the project's own");
        assert_eq!(named(&[Folder], &marked), [(OWN, vec![Folder])]);
        assert_eq!(named(&[], &marked), [(OWN, vec![])]);
        let (first, others) = wanted([Youtube, Tiktok], &marked, &endpoints);
        assert_eq!((first.brand, others[0].brand.clone()), (marked.clone(), plain), "they differ in the logo alone");
    }

    fn rendering(variant: &str, outlets: &[Outlet], fault: Option<Code>) -> Rendering {
        Rendering {
            variant: variant.into(),
            outlets: outlets.to_vec(),
            why: String::new(),
            video: fault.is_none().then(|| format!("renders/{variant}")),
            thumbnail: None,
            sha256: None,
            fault: fault.map(|code| Fault::new(code, "m", "n")),
        }
    }

    #[test]
    fn each_place_gets_its_own_file_or_is_told_why_not() {
        use Outlet::{Instagram, Tiktok, Youtube};
        let both = [rendering(OWN, &[Youtube], None), rendering(UNMARKED, &[Tiktok], None)];
        let name = |kept: &[Rendering], outlet, asked| chosen(kept, outlet, asked).map(|one| one.variant.clone());
        assert_eq!(name(&both, Youtube, OWN).expect("made"), OWN);
        assert_eq!(name(&both, Tiktok, UNMARKED).expect("made"), UNMARKED);
        // A place that was added after the edit.
        assert_eq!(name(&both, Instagram, OWN).expect("fits"), OWN);
        // Refused: that place waits, and no other.
        let half = [rendering(OWN, &[Youtube], None), rendering(UNMARKED, &[Tiktok], Some(Code::EncoderFailed))];
        assert_eq!(name(&half, Youtube, OWN).expect("made"), OWN);
        assert_eq!(name(&half, Tiktok, UNMARKED).expect_err("has no file").code, Code::EncoderFailed);
        // Made for others alone: the stricter file fits everywhere, the looser one does not.
        let strict = [rendering(UNMARKED, &[Tiktok], None)];
        assert_eq!(name(&strict, Youtube, OWN).expect("fits"), UNMARKED);
        let loose = [rendering(OWN, &[Youtube], None)];
        let fault = name(&loose, Tiktok, UNMARKED).expect_err("has a logo");
        assert!(fault.code == Code::ClipRefused && fault.message.contains("tiktok"), "{fault}");
        assert!(delta(&both[0]).is_none());
        assert_eq!(delta(&both[1]).map(|d| (d.after, d.rule)), Some((UNMARKED.into(), "render_variant".into())));
    }
}
