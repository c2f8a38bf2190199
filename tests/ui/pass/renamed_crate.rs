//! `crate = ...` names the runtime where it has another name: every attribute goes through it.

use renamed::{AppFuture, Call, IntoArg, Workflow, bash_task, join_task, kind, sh, task};
use serde::{Deserialize, Serialize};

/// Stands for the crate under its other name, and counts what goes through it.
mod renamed {
    pub use chiltepin::*;

    pub mod __private {
        use std::sync::atomic::{AtomicUsize, Ordering};

        pub use chiltepin::__private::*;
        use chiltepin::{IntoArg, Value};

        pub static WAITS: AtomicUsize = AtomicUsize::new(0);

        pub fn wait<T: Value>(argument: impl IntoArg<T>) -> Arg<T> {
            WAITS.fetch_add(1, Ordering::Relaxed);
            chiltepin::__private::wait(argument)
        }

        pub mod shell {
            pub fn word<W: ?Sized>(script: &mut String, _: &W) {
                script.push_str("renamed");
            }
        }
    }
}

fn waits() -> usize {
    renamed::__private::WAITS.swap(0, std::sync::atomic::Ordering::Relaxed)
}

#[task(crate = renamed)]
fn function(x: u8) -> u8 {
    x
}

#[bash_task(crate = "renamed")]
fn command(x: u8) -> String {
    sh!(crate = crate::renamed, "echo {x}")
}

#[join_task(crate = crate::renamed)]
async fn join(workflow: &Workflow, x: u8) -> AppFuture<u8> {
    function(x).submit(workflow)
}

#[derive(Clone, Serialize, Deserialize)]
struct Grid;

#[renamed::tasks(crate = renamed)]
impl Grid {
    #[task]
    fn size(&self) -> u8 {
        1
    }
}

fn typed<T, K>(call: Call<T, K>) -> Call<T, K> {
    call
}

fn passed(x: impl IntoArg<u8>) -> Call<u8> {
    function(x)
}

#[renamed::main(crate = renamed)]
fn main(workflow: Workflow) {
    passed(1).run_blocking().unwrap();
    assert_eq!(waits(), 1);
    typed::<i32, kind::Command>(command(1)).submit(&workflow).result().unwrap();
    assert_eq!(waits(), 1);
    assert_eq!(sh!(crate = renamed, "echo {waits()}"), "echo renamed");
    join(1).submit(&workflow).result().unwrap();
    assert_eq!(waits(), 3);
    Grid.size().run_blocking().unwrap();
    assert_eq!(waits(), 1);
}
