//! Finds the font files that caption styles name, and copies them into a folder that the sandboxed renderer may read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use omniva_contracts::config::Config;
use omniva_contracts::{Code, Fault};

/// Largest font file that is read.
const MAX_FONT: u64 = 32 << 20;
/// Folders below a font folder that are searched, at most.
const MAX_FOLDERS: usize = 2_000;

/// A font that the configuration names: family, file name, bytes.
#[derive(Clone)]
pub struct FontFile {
    pub family: String,
    pub file: String,
    pub bytes: Vec<u8>,
}

/// Every font that the chosen caption style and the brand kit need. Errors: `font_missing`, with the package to install.
pub fn load(config: &Config) -> Result<Vec<FontFile>, Fault> {
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    if let Some(style) = config.captions.style(&config.clip.captions) {
        wanted.insert(style.font_file.clone(), style.font.clone());
    }
    if !config.brand.font_file.is_empty() {
        wanted.insert(config.brand.font_file.clone(), config.brand.font.clone());
    }
    let folders: Vec<PathBuf> = config.captions.font_folders.iter().map(PathBuf::from).collect();
    wanted.into_iter().map(|(file, family)| read(&folders, file, family)).collect()
}

fn read(folders: &[PathBuf], file: String, family: String) -> Result<FontFile, Fault> {
    let missing = |detail: String| {
        Fault::new(
            Code::FontMissing,
            format!("the font file {file} ({family}) was not found in {}", show(folders)),
            "install it (Debian: apt-get install fonts-lato fonts-bebas-neue), add its folder to captions.font_folders, or choose another --captions style",
        )
        .with_detail(detail)
    };
    let direct = Path::new(&file);
    let path = if direct.is_absolute() { Some(direct.to_owned()) } else { folders.iter().find_map(|f| find(f, &file)) };
    let path = path.ok_or_else(|| missing(String::new()))?;
    let meta = std::fs::metadata(&path).map_err(|e| missing(e.to_string()))?;
    if !meta.is_file() || meta.len() > MAX_FONT {
        return Err(missing(format!("{} is no font file of at most 32 MiB", path.display())));
    }
    let bytes = std::fs::read(&path).map_err(|e| missing(e.to_string()))?;
    let name = path.file_name().map_or_else(|| file.clone(), |n| n.to_string_lossy().into_owned());
    Ok(FontFile { family, file: name, bytes })
}

fn show(folders: &[PathBuf]) -> String {
    folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Breadth first, names in order, so that two copies of a font always give the same one.
fn find(root: &Path, file: &str) -> Option<PathBuf> {
    let mut queue = std::collections::VecDeque::from([root.to_owned()]);
    let mut seen = 0;
    while let Some(folder) = queue.pop_front() {
        seen += 1;
        if seen > MAX_FOLDERS {
            return None;
        }
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
        entries.sort();
        for entry in entries {
            let kind = std::fs::symlink_metadata(&entry).ok()?.file_type();
            if kind.is_dir() {
                queue.push_back(entry);
            } else if entry.file_name().is_some_and(|n| n == file) {
                return Some(entry);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_file_below_and_names_the_package_when_it_is_absent() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(root.path().join("a/b")).expect("made");
        std::fs::write(root.path().join("a/b/X.ttf"), b"font").expect("written");
        let folders = [root.path().to_owned()];
        let found = read(&folders, "X.ttf".into(), "X".into()).expect("found");
        assert_eq!((found.file.as_str(), found.bytes.as_slice()), ("X.ttf", b"font".as_slice()));
        let fault = read(&folders, "Y.ttf".into(), "Y".into()).err().expect("absent");
        assert_eq!(fault.code, Code::FontMissing);
        assert!(fault.next_step.contains("fonts-lato"));
    }
}
