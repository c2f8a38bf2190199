//! Programs that the tests start, each under its name: what it does, prints and exits with is for
//! the tests to look at.

mod clustered;
mod configured;
mod crowd;
mod cycles;
mod endings;
mod facts;
mod interrupted;
mod kept;
mod returns;
mod starts;
mod watched;

use std::process::ExitCode;

fn main() -> ExitCode {
    chiltepin::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match names[..] {
        ["cycles", how] => cycles::run(how == "close"),
        ["endings", name] => endings::run(name),
        ["interrupted", _] => interrupted::start(false),
        ["interrupted_blocking", _] => interrupted::start(true),
        ["interrupted_opened", _] => interrupted::open(),
        ["returns", name] => returns::run(name),
        ["starts", name] => starts::run(name),
        ["crowd"] => crowd::run(),
        ["reopen"] => crowd::reopen(),
        ["replaced"] => crowd::replaced(),
        ["hasty", how] => crowd::hasty(how),
        ["facts", count] => facts::run(count.parse().unwrap_or(1)),
        ["clustered", name, ref rest @ ..] => clustered::run(name, rest),
        ["watched", progress] => watched::run(progress),
        ["kept"] => kept::run(),
        ["configured", name] => configured::run(name),
        _ => unknown(),
    }
}

fn unknown() -> ExitCode {
    eprintln!("no program of this name");
    ExitCode::from(99)
}
