use std::io::Write;
use std::path::PathBuf;

use chiltepin_executors::mpi::{self, Launcher};

use super::exit::Exit;
use super::render;
use crate::config::{Config, Mpi, Provider, Resource};
use crate::environment;

/// Checks a configuration and prints what was understood.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The file, in TOML or YAML [default: the one that CHILTEPIN_CONFIG names]
    file: Option<PathBuf>,
    /// Prints the batch script of each resource that has one instead
    #[arg(long)]
    render: bool,
    /// Asks the batch system of each resource whether it would take a block, and submits none
    #[arg(long)]
    submit_test: bool,
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
        let config = match Config::load(&file) {
            Ok(config) => config,
            Err(error) => {
                writeln!(errors, "{error}")?;
                return Ok(Exit::Usage);
            }
        };
        if self.render {
            let rendered = render::scripts(&config, out, errors)?;
            if !self.submit_test {
                return Ok(rendered);
            }
        }
        if self.submit_test {
            return render::submit_tests(&config, out, errors);
        }
        writeln!(
            out,
            "# {} as understood, with all defaults.\n",
            file.display()
        )?;
        write!(out, "{config}")?;
        for resource in &config.resources {
            launcher(resource, out)?;
        }
        Ok(Exit::Success)
    }
}

/// What starts the MPI applications of a resource.
fn mpi_of(provider: &Provider) -> Option<&Mpi> {
    match provider {
        Provider::Localhost(pool) => pool.mpi.as_ref(),
        Provider::Slurm(batch) | Provider::PbsPro(batch) => batch.pool.mpi.as_ref(),
        _ => None,
    }
}

/// Says which launcher was found for a resource that runs MPI, and how to tell that it is the wrong
/// one.
fn launcher(resource: &Resource, out: &mut dyn Write) -> std::io::Result<()> {
    let Some(mpi) = mpi_of(&resource.provider) else {
        return Ok(());
    };
    let (name, program) = (&resource.name, &mpi.launcher);
    let found = mpi::ask(program).and_then(|words| Launcher::recognise(program, &words));
    write!(out, "\n# resource `{name}`: ")?;
    match found {
        Ok(launcher) => writeln!(out, "`{program}` is {}.", described(launcher))?,
        Err(reason) => {
            for (index, line) in reason.lines().enumerate() {
                let begin = if index == 0 { "" } else { "# " };
                writeln!(out, "{begin}{line}")?;
            }
            if !matches!(resource.provider, Provider::Localhost(_)) {
                writeln!(
                    out,
                    "# That is of this machine; each node is asked when it joins, after the lines \
                     of `environment`."
                )?;
            }
        }
    }
    let hint = if matches!(found_name(program), "srun") {
        "set `launcher_options` to [\"--mpi=pmix\"] for Open MPI, to [\"--mpi=pmi2\"] for MPICH; \
         `srun --mpi=list` shows what there is"
    } else {
        "it is not the launcher of the MPI that the program was built with; set `mpi_launcher`"
    };
    writeln!(
        out,
        "# If every rank of a program takes itself for rank 0 of 1, {hint}."
    )
}

fn found_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn described(launcher: Launcher) -> String {
    match launcher {
        Launcher::Srun => "Slurm's".to_owned(),
        Launcher::Hydra => "that of MPICH, MVAPICH or Intel MPI (Hydra)".to_owned(),
        Launcher::OpenMpi { major } => format!("that of Open MPI {major}"),
        Launcher::Aprun => "Cray's".to_owned(),
        _ => "known".to_owned(),
    }
}
