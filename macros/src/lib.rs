//! macros
mod attributes;
mod check;
mod check_parameters;
mod check_returns;
mod duration;
mod entry;
mod expand_command;
mod expand_join;
mod expand_main;
mod expand_task;
mod expand_tasks;
mod model;
mod nearest;
mod options;
mod report;
mod setting;
mod shell;
mod types;

use proc_macro::TokenStream;

use crate::expand_main::Start;
use crate::model::Kind;

/// Makes a function a task.
#[proc_macro_attribute]
pub fn task(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::task(Kind::Function, options.into(), item.into()).into()
}

/// Makes a function that writes a shell script a task.
#[proc_macro_attribute]
pub fn bash_task(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::task(Kind::Command, options.into(), item.into()).into()
}

/// Makes a function that submits further calls a task.
#[proc_macro_attribute]
pub fn join_task(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::task(Kind::Join, options.into(), item.into()).into()
}

/// Makes methods of an impl block tasks.
#[proc_macro_attribute]
pub fn tasks(options: TokenStream, item: TokenStream) -> TokenStream {
    expand_tasks::expand(options.into(), item.into()).into()
}

/// Opens a workflow around `main`.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand_main::expand(Start::Main, options.into(), item.into()).into()
}

/// Opens a workflow around a test.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand_main::expand(Start::Test, options.into(), item.into()).into()
}

/// A shell script.
#[proc_macro]
pub fn sh(tokens: TokenStream) -> TokenStream {
    shell::expand(tokens.into()).into()
}
