use std::io::Write;
use std::path::PathBuf;

use super::exit::Exit;
use super::record;
use crate::report;

/// Tells how a run went: its tasks in figures, and what failed
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The run's number below `run_dir`, as 7, or its folder [default: the newest run]
    run: Option<PathBuf>,
    /// Prints JSON, with times in microseconds
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self, out: &mut dyn Write, errors: &mut dyn Write) -> std::io::Result<Exit> {
        let told = match record::tell(self.run.as_deref(), errors)? {
            Ok(told) => told,
            Err(exit) => return Ok(exit),
        };
        let summary = report::summary(&told.record, told.is_open);
        if self.json {
            let value = serde_json::json!({
                "run": told.folder.display().to_string(),
                "summary": summary,
                "damages": told.damages,
            });
            record::print_json(out, &value)?;
        } else {
            writeln!(out, "run {}", told.folder.display())?;
            write!(out, "{summary}")?;
        }
        Ok(told.exit())
    }
}
