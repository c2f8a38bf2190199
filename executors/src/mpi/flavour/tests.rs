use super::*;

/// What `mpirun --version` of Open MPI 4.1.4 prints.
const OPEN_MPI: &str = "mpirun (Open MPI) 4.1.4\n\nReport bugs to \
                        http://www.open-mpi.org/community/help/\n";

/// The same program by its other name.
const OPEN_MPI_AS_MPIEXEC: &str = "mpiexec (OpenRTE) 4.1.4\n\nReport bugs to \
                                   http://www.open-mpi.org/community/help/\n";

/// What `mpiexec --version` of MPICH 4.0.2 prints, but for its long lines.
const MPICH: &str = "HYDRA build details:
    Version:                                 4.0.2
    Release Date:                            Thu Apr  7 12:34:45 CDT 2022
    CC:                              gcc -Wdate-time -D_FORTIFY_SOURCE=2 -g -O2
    Configure options:                       '--with-hwloc-prefix=/usr'
    Process Manager:                         pmi
    Launchers available:                     ssh rsh fork slurm ll lsf sge manual persist
    Topology libraries available:            hwloc
    Resource management kernels available:   user slurm ll lsf sge pbs cobalt
    Demux engines available:                 poll select
";

const INTEL: &str = "Intel(R) MPI Library for Linux* OS, Version 2021.13 Build 20240701 (id: \
                     179630a)\nCopyright 2003-2024, Intel Corporation.\n";

#[test]
fn launchers_are_known_by_what_they_say() {
    let four = Ok(Launcher::OpenMpi { major: 4 });
    let five = Ok(Launcher::OpenMpi { major: 5 });
    let recognise = Launcher::recognise;
    assert_eq!(recognise("mpirun", OPEN_MPI), four);
    assert_eq!(recognise("mpiexec", OPEN_MPI_AS_MPIEXEC), four);
    assert_eq!(recognise("mpirun", "mpirun (Open MPI) 5.0.3\n"), five);
    assert_eq!(recognise("mpirun", "mpirun (Open MPI) 10.0.0a1\n"), {
        Ok(Launcher::OpenMpi { major: 10 })
    });
    assert_eq!(recognise("prterun", "prterun (PRRTE) 3.0.2\n"), five);
    assert_eq!(recognise("mpiexec", MPICH), Ok(Launcher::Hydra));
    assert_eq!(recognise("/opt/intel/mpirun", INTEL), Ok(Launcher::Hydra));
    assert_eq!(
        recognise("/usr/bin/srun", "slurm 24.05.1"),
        Ok(Launcher::Srun)
    );
    assert_eq!(recognise("aprun", ""), Ok(Launcher::Aprun));
}

#[test]
fn an_unknown_launcher_is_shown_with_its_words() {
    let error = Launcher::recognise("jsrun", "jsrun version 10.3\nline\nline\nline\nline 5\n");
    assert_eq!(
        error.unwrap_err(),
        "`jsrun --version` says `jsrun version 10.3 / line / line / line ...`, which is neither \
         Open MPI nor one of the MPIs with Hydra (MPICH, MVAPICH, Intel MPI); name another program \
         by `mpi_launcher`"
    );
    let error = Launcher::recognise("mpiexec", "\n").unwrap_err();
    assert!(error.contains("says nothing, which"), "{error}");
    let long = "x".repeat(1 << 20);
    let error = Launcher::recognise("mpiexec", &long).unwrap_err();
    assert!(error.len() < 1000 && error.contains("x ...`"), "{error}");
}

#[test]
fn a_launcher_that_is_not_there_is_named_with_the_cure() {
    let error = ask("/no/such/mpiexec").unwrap_err();
    assert_eq!(
        error,
        "the MPI launcher `/no/such/mpiexec` is not there (looked for along `PATH`); install an \
         MPI, load its module in `environment`, or name its program by `mpi_launcher`"
    );
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("my srun");
    fs::write(
        &program,
        "#!/bin/sh\necho no config; echo for this >&2; exit 3\n",
    )
    .unwrap();
    let run = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(&program, run).unwrap();
    let program = program.to_str().unwrap();
    assert_eq!(
        ask(program).unwrap_err(),
        format!(
            "the MPI launcher `{program}` cannot be used: `{program} --version` exited with code 3 \
             and said `no config / for this`; install an MPI, load its module in `environment`, \
             or name its program by `mpi_launcher`"
        )
    );
}
