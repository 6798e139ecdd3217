//! What the child may reach: Python and its libraries to read, its own folder to write, and one port to connect to, that
//! of the proxy that shows every address to the guard. A word of yt-dlp about proxies is believed by nobody.
//!
//! Source: landlock(7); TCP rules from Linux 6.7 on.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};
use omniva_contracts::config::YtdlpConfig;
use omniva_contracts::{Code, Fault};

/// The newest interface that the rules were written for; of what came after the required one, the kernel's part holds.
const NEWEST: ABI = ABI::V9;
/// Files and TCP.
const REQUIRED: ABI = ABI::V4;

/// Programs, libraries and certificates, as distributions lay them out.
const SYSTEM: [&str; 6] = ["/usr", "/lib", "/lib64", "/bin", "/opt", "/nix/store"];
/// What libraries look up about the machine: nothing private, and skipped where it does not exist.
const HARMLESS: [&str; 14] = [
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
];

/// Opens the rules for one run; they hold from where the child takes them.
///
/// # Errors
/// `sandbox_unavailable` when the kernel can't enforce them and the configuration does not allow to go without.
pub(super) fn rules(
    config: &YtdlpConfig,
    files: &[PathBuf],
    folder: &Path,
    port: u16,
) -> Result<RulesetCreated, Fault> {
    build(config, files, folder, port).map_err(|error| {
        Fault::new(
            Code::SandboxUnavailable,
            "the kernel can't confine yt-dlp to its folder and its proxy (Landlock, Linux 6.7 or newer)",
            "use a newer kernel, or set engine.network.ytdlp.allow_unconfined = true",
        )
        .with_detail(error)
    })
}

fn build(config: &YtdlpConfig, files: &[PathBuf], folder: &Path, port: u16) -> Result<RulesetCreated, RulesetError> {
    let needed = if config.allow_unconfined { CompatLevel::BestEffort } else { CompatLevel::HardRequirement };
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let programs = SYSTEM.iter().map(PathBuf::from).chain(prefix(&config.python)).chain(prefix(&config.ffmpeg));
    let script = config.js_runtime.split_once(':').map(|(_, path)| path).unwrap_or_default();
    Ruleset::default()
        .set_compatibility(needed)
        .handle_access(AccessFs::from_all(REQUIRED))?
        .handle_access(AccessNet::from_all(REQUIRED))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(programs.chain(prefix(script)), read | AccessFs::Execute))?
        .add_rules(path_beneath_rules(HARMLESS, read))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(files, read))?
        .add_rules(path_beneath_rules([folder], AccessFs::from_all(REQUIRED) & !AccessFs::Execute))?
        .add_rule(NetPort::new(port, AccessNet::ConnectTcp))
}

/// The installation that a program belongs to: `<prefix>/bin/<program>`, behind all links. Nothing for a program that is
/// not set or not there.
fn prefix(program: &str) -> Option<PathBuf> {
    let real = Path::new(program).canonicalize().ok()?;
    let folder = real.parent()?;
    let found = if folder.file_name().is_some_and(|name| name == "bin") { folder.parent()? } else { &real };
    (found.components().count() > 1).then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;
    use std::process::Command;
    use std::time::Duration;

    use omniva_contracts::Silent;

    use super::*;
    use crate::testing::config;
    use crate::ytdlp::child::{Limits, run};

    /// Prints what a confined Python can do of all that it tries.
    const TRY: &str = r#"
import os, socket, sys
folder, outside, port, other = sys.argv[1:5]
def attempt(name, what):
    try:
        what(); print(name)
    except OSError as e:
        pass
attempt("write own", lambda: open(folder + "/x", "w").write("x"))
attempt("read own", lambda: open(folder + "/x").read())
attempt("proxy", lambda: socket.create_connection(("127.0.0.1", int(port)), 5))
attempt("read outside", lambda: open(outside).read())
attempt("write outside", lambda: open(outside, "w"))
attempt("passwd", lambda: open("/etc/passwd").read())
attempt("list root", lambda: os.listdir("/root"))
attempt("other port", lambda: socket.create_connection(("127.0.0.1", int(other)), 5))
attempt("listen", lambda: socket.create_server(("127.0.0.1", 0)))
"#;

    #[test]
    fn a_confined_child_reaches_its_folder_and_its_proxy_and_nothing_else() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let outside = other.path().join("secret");
        fs::write(&outside, "secret").unwrap();
        let (proxy, server) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let config = config(&[]).ytdlp;
        let rules = rules(&config, &[], own.path(), port(&proxy)).unwrap();
        let mut command = Command::new(&config.python);
        command.args(["-I", "-S", "-B", "-c", TRY]).arg(own.path()).arg(&outside).env_clear();
        command.args([port(&proxy).to_string(), port(&server).to_string()]).current_dir(own.path());
        let limits = Limits { time: Duration::from_secs(30), memory: 1 << 30, file: 1 << 20, output: 1 << 20 };
        let mut done = Vec::new();
        let ran = run(command, Some(rules), limits, &Silent, &mut |line| {
            done.push(line.to_owned());
            Ok(())
        });
        assert_eq!(ran.unwrap().stderr, "");
        assert_eq!(done, ["write own", "read own", "proxy"]);
        assert_eq!(fs::read_to_string(&outside).unwrap(), "secret");
    }

    #[test]
    fn the_installation_of_a_program_is_found_behind_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("py/bin")).unwrap();
        fs::write(root.join("py/bin/python3.11"), "").unwrap();
        std::os::unix::fs::symlink(root.join("py/bin/python3.11"), root.join("python3")).unwrap();
        assert_eq!(prefix(root.join("python3").to_str().unwrap()), Some(root.join("py")));
        assert_eq!(prefix(""), None);
        assert_eq!(prefix("/nowhere/bin/x"), None);
    }
}
