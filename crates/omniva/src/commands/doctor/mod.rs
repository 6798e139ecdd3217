//! `omniva doctor`: what this machine has and lacks, each with what to do about it.

mod engine;
mod outside;

use std::path::Path;

use omniva_contracts::config::{Config, ModelManifest};
use omniva_contracts::jobs::{ChildJob, ProbeFindings, ProbeJob, RESULT};
use omniva_contracts::{Code, Fault};
use serde::Serialize;
use serde_json::json;

use crate::cli::{CHILD, DoctorArgs};
use crate::engine::DataFolder;
use crate::models::{self, State};
use crate::progress::{Quiet, print_line, stop_on_signals};
use crate::style;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grade {
    Ok,
    Warning,
    Failed,
}

#[derive(Serialize)]
struct Check {
    name: String,
    grade: Grade,
    found: String,
    /// What to do; empty when nothing is.
    next_step: String,
}

#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, name: &str, ok: bool, otherwise: Grade, found: impl Into<String>, next_step: &str) {
        let grade = if ok { Grade::Ok } else { otherwise };
        let next_step = if ok { String::new() } else { next_step.to_owned() };
        self.0.push(Check { name: name.to_owned(), grade, found: found.into(), next_step });
    }
    fn fault(&mut self, name: &str, fault: &Fault) {
        let found = format!("{} [{}] {}", fault.message, fault.code.as_str(), fault.detail);
        self.add(name, false, Grade::Failed, found.trim(), &fault.next_step);
    }
}

pub fn run(args: &DoctorArgs, models_folder: &Path, as_json: bool) -> Result<u8, Fault> {
    let mut checks = Checks::default();
    machine(&mut checks);
    ffmpeg(&mut checks);
    check_models(&mut checks, models_folder)?;
    fonts(&mut checks)?;
    cache(&mut checks);
    sandbox(&mut checks)?;
    let data = DataFolder::find(&args.data)?;
    engine::check(&mut checks, &data, args.deep)?;
    outside::check(&mut checks, &data, args.config.as_deref())?;
    show(&checks.0, as_json);
    let failed = checks.0.iter().any(|c| c.grade == Grade::Failed);
    Ok(if failed { Code::SandboxUnavailable.exit() } else { 0 })
}

fn machine(checks: &mut Checks) {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    checks.add(
        "processor cores",
        cores >= 2,
        Grade::Warning,
        cores.to_string(),
        "two cores or more make a run about twice as fast",
    );
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory
        .lines()
        .find_map(|l| l.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    let gigabytes = available.unwrap_or(0) as f64 * 1024.0 / 1e9;
    checks.add(
        "free memory",
        gigabytes >= 2.0,
        Grade::Warning,
        format!("{gigabytes:.1} GB"),
        "a run needs about 1.5 GB: close other programs",
    );
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    checks.add(
        "kernel",
        !kernel.is_empty(),
        Grade::Warning,
        kernel.trim(),
        "Linux 5.13 or newer is needed for the sandbox",
    );
}

fn ffmpeg(checks: &mut Checks) {
    let (version, capabilities) = omniva_media::capabilities::capabilities();
    checks.add("ffmpeg libraries", true, Grade::Ok, format!("libavutil {version}"), "");
    for c in capabilities {
        let otherwise = if c.required { Grade::Failed } else { Grade::Warning };
        let found = if c.found { "there" } else { "missing" };
        checks.add(
            &format!("ffmpeg {}", c.name),
            c.found,
            otherwise,
            found,
            "install a fuller ffmpeg (Debian: apt-get install ffmpeg)",
        );
    }
}

fn check_models(checks: &mut Checks, folder: &Path) -> Result<(), Fault> {
    let manifest = ModelManifest::shipped()?;
    for file in models::verify(folder, &manifest, &Quiet(stop_on_signals()))? {
        let found = match file.state {
            State::Ok => "hash verified",
            State::Missing => "missing",
            State::Differs => "another file than config/models.toml names",
        };
        checks.add(
            &format!("model {}", file.path),
            file.state == State::Ok,
            Grade::Failed,
            found,
            "run: omniva models fetch",
        );
    }
    Ok(())
}

fn fonts(checks: &mut Checks) -> Result<(), Fault> {
    let mut config = Config::load(None)?;
    for style in config.captions.styles.clone() {
        config.clip.captions.clone_from(&style.name);
        match omniva_stages::fonts(&config) {
            Ok(_) => checks.add(&format!("captions {}", style.name), true, Grade::Ok, style.font_file, ""),
            Err(fault) => {
                checks.add(&format!("captions {}", style.name), false, Grade::Warning, fault.message, &fault.next_step)
            }
        }
    }
    Ok(())
}

fn cache(checks: &mut Checks) {
    let Some(folder) = omniva_assets::default_cache_dir() else {
        checks.add("cache folder", false, Grade::Failed, "none", "set HOME or pass --cache DIR");
        return;
    };
    let writable = std::fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder));
    let found = writable.as_ref().map_or_else(|e| e.to_string(), |_| folder.display().to_string());
    checks.add("cache folder", writable.is_ok(), Grade::Failed, found, "make the folder writable or pass --cache DIR");
    if let Ok(free) = omniva_assets::free_space(&folder) {
        let gigabytes = free as f64 / 1e9;
        checks.add(
            "free disk space",
            gigabytes >= 5.0,
            Grade::Warning,
            format!("{gigabytes:.1} GB"),
            "a long source may need several gigabytes",
        );
    }
}

/// Starts a real child that tries to break out.
fn sandbox(checks: &mut Checks) -> Result<(), Fault> {
    let scratch = tempfile::tempdir().map_err(|e| Fault::writing("a temporary folder", &e))?;
    let (inside, canary) = (scratch.path().join("inside"), scratch.path().join("canary"));
    std::fs::create_dir(&inside)
        .and_then(|()| std::fs::write(&canary, b"canary"))
        .map_err(|e| Fault::writing("a temporary folder", &e))?;
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))
        .map_err(|e| Fault::internal("no loopback port").with_detail(e))?;
    let port = listener.local_addr().map_err(|e| Fault::internal("no loopback port").with_detail(e))?.port();
    let job = ChildJob::ProbeSandbox(ProbeJob {
        out_dir: inside.clone(),
        forbidden: vec![canary, "/etc/passwd".into()],
        port,
    });
    let job = serde_json::to_vec(&job).map_err(|e| Fault::internal(e.to_string()))?;
    let mut policy = omniva_sandbox::Policy::new(1 << 30, std::time::Duration::from_secs(20), 1);
    policy.write = vec![inside.clone()];
    policy.read_execute =
        ["/usr/lib", "/lib", "/lib64"].iter().map(Into::into).filter(|p: &std::path::PathBuf| p.exists()).collect();
    let program =
        std::env::current_exe().map_err(|e| Fault::internal("omniva can't find its own binary").with_detail(e))?;
    match omniva_sandbox::run(&program, &[CHILD], &policy, &job, &omniva_contracts::Silent) {
        Err(fault) => checks.add("sandbox", false, Grade::Failed, fault.message, &fault.next_step),
        Ok(_) => {
            let found: ProbeFindings = omniva_stages::child::result(&inside, 1 << 20)?;
            let tell = |escaped: bool| if escaped { "possible" } else { "denied" };
            let advice = "the sandbox leaks: run a kernel with Landlock and seccomp (5.13 or newer), and report this";
            for (name, escaped) in [
                ("read other files", !found.read_forbidden.is_empty()),
                ("open a socket", found.opened_socket),
                ("connect to the network", found.connected),
                ("write elsewhere", found.wrote_outside),
                ("start a process", found.forked),
                ("run a program", found.executed),
            ] {
                checks.add(&format!("sandbox: {name}"), !escaped, Grade::Failed, tell(escaped), advice);
            }
            checks.add(
                "sandbox: write its own folder",
                found.wrote_inside,
                Grade::Failed,
                format!("{} {RESULT}", found.wrote_inside),
                advice,
            );
        }
    }
    Ok(())
}

fn show(checks: &[Check], as_json: bool) {
    if as_json {
        print_line(&json!({ "event": "doctor", "checks": checks }));
        return;
    }
    for c in checks {
        let mark = match c.grade {
            Grade::Ok => style::good("✓"),
            Grade::Warning => style::warn("!"),
            Grade::Failed => style::bad("✗"),
        };
        say!("{mark} {:<38} {}", c.name, c.found);
        if !c.next_step.is_empty() {
            say!("    next: {}", c.next_step);
        }
    }
}
