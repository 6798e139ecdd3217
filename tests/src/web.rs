//! A web server of this machine, for what engines fetch.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Python's web server on a folder. Killed when dropped.
pub struct Web {
    server: Child,
    /// `127.0.0.1:PORT`
    pub at: String,
}

impl Web {
    pub fn serve(folder: &Path) -> Self {
        let mut python = Command::new("python3");
        python.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]).arg(folder);
        #[allow(clippy::zombie_processes)] // waited for when it is dropped
        let mut server = python.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("python3 starts");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("piped")).read_line(&mut line).expect("it says where it is");
        let port = line.split_whitespace().find_map(|word| word.parse::<u16>().ok()).expect("a port");
        Self { server, at: format!("127.0.0.1:{port}") }
    }
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.at)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
