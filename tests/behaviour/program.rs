use std::fs::File;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::executor;
use crate::place::{Place, until};

/// A program that was started in a place.
pub(crate) struct Program<'a> {
    place: &'a Place,
    child: Child,
}

/// What has become of a program.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl<'a> Program<'a> {
    /// Starts one of the tests' own programs.
    pub(crate) fn start(place: &'a Place, arguments: &[&str]) -> Self {
        Self::start_with(place, arguments, &[])
    }

    /// The same, with environment variables.
    pub(crate) fn start_with(
        place: &'a Place,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_programs"));
        command.args(arguments);
        Self::spawn(place, command, environment)
    }

    pub(crate) fn spawn(
        place: &'a Place,
        mut command: Command,
        environment: &[(&str, &str)],
    ) -> Self {
        for variable in ["RUST_BACKTRACE", "CHILTEPIN_CONFIG", "CHILTEPIN_LOG"] {
            command.env_remove(variable);
        }
        if let Some(config) = executor::default_config() {
            command.env("CHILTEPIN_CONFIG", config);
        }
        let file = |name| File::create(place.path(name)).unwrap();
        let child = command
            .envs(environment.iter().copied())
            .current_dir(place.root())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap();
        Self { place, child }
    }

    /// Waits until the program has said this on stderr.
    pub(crate) fn says(&self, text: &str) {
        until(&format!("the program to say `{text}`"), || {
            self.place.text("stderr").contains(text)
        });
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Signals the group that the program leads, as a terminal does.
    pub(crate) fn signal_group(&self, signal: Signal) {
        kill_process_group(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the program has ended.
    pub(crate) fn ended(mut self) -> Ended {
        until("the program to end", || !self.runs());
        Ended {
            code: self.child.wait().unwrap().code(),
            out: self.place.text("stdout"),
            err: self.place.text("stderr"),
        }
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
