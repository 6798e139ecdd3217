//! Where the cache lives (XDG Base Directory Specification 0.8).

use std::ffi::OsString;
use std::path::PathBuf;

/// `$OMNIVA_CACHE`, `$XDG_CACHE_HOME/omniva` or `~/.cache/omniva`; `None` when none of the variables is set. Always
/// absolute: a relative `XDG_CACHE_HOME` is ignored, as the specification asks.
pub fn default_cache_dir() -> Option<PathBuf> {
    choose(|name| std::env::var_os(name))
}

fn choose(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = set("OMNIVA_CACHE") {
        return std::path::absolute(own).ok();
    }
    let absolute = |name| set(name).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|base| base.join("omniva"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_usable_variable_wins() {
        let with = |pairs: &[(&str, &str)]| {
            choose(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
        };
        let all = [("OMNIVA_CACHE", "/o"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(with(&all), Some("/o".into()));
        assert_eq!(with(&all[1..]), Some("/x/omniva".into()));
        assert_eq!(with(&all[2..]), Some("/h/.cache/omniva".into()));
        assert_eq!(
            with(&[("OMNIVA_CACHE", ""), ("XDG_CACHE_HOME", "rel"), ("HOME", "/h")]),
            Some("/h/.cache/omniva".into())
        );
        assert!(with(&[("OMNIVA_CACHE", "rel")]).unwrap().is_absolute());
        assert_eq!(with(&[]), None);
    }
}
