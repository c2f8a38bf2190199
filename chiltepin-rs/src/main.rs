//! The `chiltepin` command-line program; see `chiltepin --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    chiltepin::cli::main()
}
