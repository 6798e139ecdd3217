//! `omniva-emulators --port 7800`: YouTube, TikTok and Instagram on this machine, until Ctrl-C.

use std::io::Write;
use std::process::ExitCode;

use omniva_emulators::board::Board;
use omniva_emulators::oauth::CLIENT_ID;

const PORT: u16 = 7800;
const USAGE: &str = "usage: omniva-emulators [--port PORT]\n\
    Emulates YouTube, TikTok and Instagram at the three ports after PORT (7800 when not said; 0 takes free ones).";

/// The port that was asked for; `None` for anything else.
fn port(arguments: &[String]) -> Option<u16> {
    match arguments {
        [] => Some(PORT),
        [name, value] if name == "--port" => value.parse().ok(),
        _ => None,
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(port) = port(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let board = match Board::start(port) {
        Ok(board) => board,
        Err(error) => {
            eprintln!("port {port} and the three after it can't be had: {error}");
            return ExitCode::FAILURE;
        }
    };
    let base = board.base();
    let lines = [
        format!("posts          {base}/ (as JSON: {base}/posts)"),
        format!("configuration  {base}/omniva.toml"),
        format!("client         id {CLIENT_ID}, secret at {base}/client-secret"),
    ];
    // Whoever reads these lines may be gone; the emulators are not.
    let _ = writeln!(std::io::stdout(), "{}", lines.join("\n"));
    loop {
        std::thread::park();
    }
}
