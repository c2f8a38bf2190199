//! Expansions name everything by its full path, and user names do not get in their way.

#![no_implicit_prelude]
#![deny(warnings)]

use ::std::string::String;

#[expect(non_camel_case_types, dead_code, reason = "names that an expansion might use")]
mod names {
    pub(crate) struct Result;
    pub(crate) struct Option;
    pub(crate) struct Some;
    pub(crate) struct Ok;
    pub(crate) struct Vec;
    pub(crate) struct Here;
    pub(crate) struct TASK;
    pub(crate) struct i32;
    pub(crate) struct u32;
    pub(crate) struct bool;
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod chiltepin {}
}
#[expect(unused_imports, reason = "names that an expansion might use")]
use names::*;

#[::chiltepin::task(retries = 1, timeout = 90, version = "1", cache)]
fn value(x: u64) -> u64 {
    x
}

#[::chiltepin::task]
fn fallible(x: u64) -> ::core::result::Result<u64, String> {
    ::core::result::Result::Ok(x)
}

#[::chiltepin::task]
async fn later(x: u64) -> u64 {
    x
}

#[::chiltepin::bash_task]
fn command(run: String, script: u64) -> String {
    ::chiltepin::sh!("echo {run} {script:>3} {}", run)
}

#[::chiltepin::join_task]
async fn join(workflow: &::chiltepin::Workflow, x: u64) -> ::std::vec::Vec<::chiltepin::AppFuture<u64>> {
    ::std::vec![value(x).submit(workflow)]
}

#[derive(::core::clone::Clone, ::serde::Serialize, ::serde::Deserialize)]
struct Grid;

#[::chiltepin::tasks]
impl Grid {
    #[::chiltepin::task]
    fn size(&self, x: u64) -> u64 {
        x
    }
}

#[::chiltepin::main]
async fn main(workflow: ::chiltepin::Workflow) {
    let x = value(1_u64).submit(&workflow);
    let x = fallible(x).submit(&workflow);
    let x = later(x).submit(&workflow);
    let x = Grid.size(x).submit(&workflow);
    let command = command("a", 1_u64).submit(&workflow);
    ::core::assert!(::core::matches!(command.await, ::core::result::Result::Ok(0)));
    let list = join(x).submit(&workflow);
    ::core::assert!(::core::matches!(list.await, ::core::result::Result::Ok(list) if list == [1]));
}
