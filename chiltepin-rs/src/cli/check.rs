use std::io::Write;
use std::path::PathBuf;

use super::exit::Exit;
use crate::config::Config;
use crate::environment;

/// Checks a configuration and prints what was understood.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The file, in TOML or YAML [default: the one that CHILTEPIN_CONFIG names]
    file: Option<PathBuf>,
}

impl Check {
    pub(super) fn run(self, out: &mut dyn Write, errors: &mut dyn Write) -> std::io::Result<Exit> {
        let Some(file) = self.file.or_else(environment::config_path) else {
            let variable = environment::CONFIG.name;
            writeln!(errors, "error: no file to check")?;
            writeln!(
                errors,
                "  hint: run `chiltepin check FILE`, or name it in `{variable}`"
            )?;
            return Ok(Exit::Usage);
        };
        match Config::load(&file) {
            Ok(config) => {
                writeln!(
                    out,
                    "# {} as understood, with all defaults.\n",
                    file.display()
                )?;
                write!(out, "{config}")?;
                Ok(Exit::Success)
            }
            Err(error) => {
                writeln!(errors, "{error}")?;
                Ok(Exit::Usage)
            }
        }
    }
}
