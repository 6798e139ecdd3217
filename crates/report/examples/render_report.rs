//! Writes the report of an existing record: `render_report RUN_JSON OUT_HTML` (thumbnails are read beside RUN_JSON).

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = args.as_slice() else {
        eprintln!("usage: render_report RUN_JSON OUT_HTML");
        return ExitCode::from(2);
    };
    match render(Path::new(input), Path::new(output)) {
        Ok(size) => {
            println!("{size} bytes");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn render(input: &Path, output: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    let record = serde_json::from_slice(&std::fs::read(input)?)?;
    let page = omniva_report::html(&record, input.parent().unwrap_or(Path::new(".")))?;
    std::fs::write(output, &page)?;
    Ok(page.len())
}
