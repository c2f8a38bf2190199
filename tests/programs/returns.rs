//! What main may take and return.

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use chiltepin::{Workflow, task};

#[task]
fn parse(text: String) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

#[task]
fn open(path: String) -> anyhow::Result<()> {
    std::fs::read(&path).with_context(|| format!("no good data in `{path}`"))?;
    Ok(())
}

pub(crate) fn run(name: &str) -> ExitCode {
    match name {
        "unit" => unit::main(),
        "unit_blocking" => unit_blocking::main(),
        "code" => code::main(),
        "code_blocking" => code_blocking::main(),
        "own_good" => own_good::main(),
        "own" => own::main(),
        "own_blocking" => own_blocking::main(),
        "own_code" => own_code::main(),
        "anyhow" => with_anyhow::main(),
        "anyhow_blocking" => with_anyhow_blocking::main(),
        "text" => text::main(),
        "io" => io_blocking::main(),
        "panic" => panic::main(),
        "panic_blocking" => panic_blocking::main(),
        _ => super::unknown(),
    }
}

mod unit {
    #[chiltepin::main]
    pub(crate) async fn main() {
        println!("ran");
    }
}

mod unit_blocking {
    use super::*;

    #[chiltepin::main]
    pub(crate) fn main(workflow: Workflow) {
        println!("{:?}", parse("7").submit(&workflow).result());
    }
}

mod code {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main(workflow: Workflow) -> ExitCode {
        match parse("7").submit(&workflow).await {
            Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            Err(_) => ExitCode::FAILURE,
        }
    }
}

mod code_blocking {
    use super::*;

    #[chiltepin::main]
    pub(crate) fn main() -> ExitCode {
        ExitCode::from(8)
    }
}

mod own_good {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main(workflow: Workflow) -> chiltepin::Result<()> {
        println!("{}", parse("7").submit(&workflow).await?);
        Ok(())
    }
}

mod own {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main(workflow: Workflow) -> chiltepin::Result<()> {
        open("no/such/file").submit(&workflow).await?;
        Ok(())
    }
}

mod own_blocking {
    #[chiltepin::main]
    pub(crate) fn main() -> chiltepin::Result<()> {
        Err(chiltepin::Error::other("no input files"))
    }
}

mod own_code {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main() -> chiltepin::Result<ExitCode> {
        Ok(ExitCode::from(9))
    }
}

mod with_anyhow {
    use super::*;

    #[chiltepin::main]
    pub(crate) async fn main(workflow: Workflow) -> anyhow::Result<()> {
        let parsed = parse("seven").submit(&workflow).await;
        parsed.context("the number is no good")?;
        Ok(())
    }
}

mod with_anyhow_blocking {
    #[chiltepin::main]
    pub(crate) fn main() -> anyhow::Result<()> {
        anyhow::bail!("nothing to do")
    }
}

mod text {
    #[chiltepin::main]
    pub(crate) async fn main() -> Result<(), String> {
        Err("just a text".to_owned())
    }
}

mod io_blocking {
    use super::*;

    #[chiltepin::main]
    pub(crate) fn main(_workflow: Workflow) -> io::Result<()> {
        Err(io::Error::other("the disk is on fire"))
    }
}

mod panic {
    #[chiltepin::main]
    #[expect(clippy::panic, reason = "what this program is for")]
    pub(crate) async fn main() {
        panic!("main has had enough")
    }
}

mod panic_blocking {
    #[chiltepin::main]
    #[expect(clippy::panic, reason = "what this program is for")]
    pub(crate) fn main() {
        panic!("main has had enough")
    }
}
