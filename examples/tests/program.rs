use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of the examples.
pub(crate) fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An example's program, beside the folder in which cargo put this test, to be run within `run`.
pub(crate) fn example(name: &str, run: &Path) -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(name);
    assert!(
        path.is_file(),
        "`{}` is not there: `cargo test -p chiltepin-examples` builds it",
        path.display()
    );
    let mut command = Command::new(path);
    command
        .current_dir(run)
        .env_remove("CHILTEPIN_CONFIG")
        .env_remove("CHILTEPIN_LOG")
        .env_remove("VALVE");
    command
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}
