//! The macros of chiltepin: [`macro@task`], [`macro@bash_task`], [`macro@join_task`],
//! [`macro@tasks`], [`macro@main`], [`macro@test`] and [`sh!`]. Programs use them through the
//! `chiltepin` crate, whose guide shows them at work.
//!
//! ```text
//!   #[task] fn ..       entry ────────┐
//!   #[tasks] impl ..    expand_tasks ─┴─► options, model ──► check ──► expand_task ─► fn .. -> Call
//!                                              │               │         ├─ expand_start
//!                                              └──► report ◄───┘         ├─ expand_join
//!                                                 every mistake          └─ expand_registration
//!   #[main], #[test]    expand_main
//!   sh!("..")           shell: format, lexer, expand
//! ```
//!
//! Expansions call `::chiltepin::__private`, or what the option `crate` names instead.

mod attributes;
mod body;
mod check;
mod check_parameters;
mod check_returns;
mod duration;
mod entry;
mod expand_join;
mod expand_main;
mod expand_registration;
mod expand_start;
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

/// Makes a function a task: calling it gives a `Call`, which runs where and when it is submitted.
///
/// The function may be `async`. Each parameter `x: T` becomes an argument `x: impl IntoArg<T>`, so
/// that callers pass a value, a future of one, or a collection of futures. A parameter
/// `context: &TaskContext`, at any place, is given by the framework and is no argument.
///
/// ```
/// use chiltepin::{Workflow, task};
///
/// #[task]
/// fn square(x: u64) -> u64 {
///     x * x
/// }
///
/// #[task(retries = 2, timeout = "10m", label = "network")]
/// async fn parse(text: String) -> Result<u64, std::num::ParseIntError> {
///     text.trim().parse()
/// }
///
/// #[chiltepin::main]
/// async fn main(workflow: Workflow) -> chiltepin::Result<()> {
///     let three = parse(" 3\n").submit(&workflow);
///     let nine = square(three).on("local").submit(&workflow);
///     assert_eq!(nine.await?, 9);
///     Ok(())
/// }
/// ```
///
/// A function whose return type is named like a `Result` (`io::Result<T>` is, and so is an alias
/// that ends in `Result`) is fallible: its error is the task's failure. `fallible` and
/// `infallible` say so where the name does not.
///
/// | option | value | meaning |
/// |---|---|---|
/// | `executor` | `"name"` or `["one", "other"]` | the executors that calls may go to |
/// | `retries` | whole number | how often a failed attempt is repeated |
/// | `timeout` | `"90s"`, `"1h30m"` (units `ms`, `s`, `m`, `h`, `d`), or whole seconds | how long an attempt may take |
/// | `label` | `"name"` or `["one", "other"]` | labels, whose limits the configuration sets |
/// | `name` | `"name"` | the name that people see instead of the function's |
/// | `priority` | whole number | higher goes first; 0 where nothing is said |
/// | `cache` | nothing, `true` or `false` | whether results are kept between runs |
/// | `version` | `"text"` | the version of the function's meaning, part of the cache's key |
/// | `ignore` | `ignore(name, other)` | arguments that are no part of the cache's key, as `verbose` |
/// | `on_loss` | `"repeat"` or `"fail"` | what becomes of a call whose worker process is lost: it runs again, or fails at once because it must not run twice |
/// | `fallible`, `infallible` | nothing | whether the return type is a `Result`, where its name misleads |
/// | `crate` | `"path"` or `path` | the path of the `chiltepin` crate where it is renamed |
///
/// Every option but the last three is a default that a call can override.
///
/// Refused, each with its cure: generic functions, references other than `&TaskContext`, `impl
/// Trait`, patterns as parameters, more than 12 arguments, and methods outside of an impl block
/// under [`macro@tasks`].
#[proc_macro_attribute]
pub fn task(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::task(Kind::Function, options.into(), item.into()).into()
}

/// Makes a function that writes a shell script a task: the script runs as a command of its own, and
/// the value of the call is its exit code.
///
/// The function is not `async` and returns the script, as a `String` or a `Result` of one;
/// [`sh!`] writes it with every value quoted. An exit code other than 0 is an error, unless the
/// call allows it with `.allow_exit_codes(..)`.
///
/// ```
/// use std::path::PathBuf;
///
/// use chiltepin::{Workflow, bash_task, sh};
///
/// #[bash_task]
/// fn count_lines(file: PathBuf) -> String {
///     sh!("wc -l < {file}")
/// }
///
/// #[chiltepin::main]
/// async fn main(workflow: Workflow) -> chiltepin::Result<()> {
///     # let folder = std::env::temp_dir().join(format!("chiltepin-{}", std::process::id()));
///     # let out = folder.join("lines.out");
///     # std::fs::create_dir_all(&folder)?;
///     # std::fs::write(folder.join("two lines"), "one\ntwo\n")?;
///     let counted = count_lines("two lines").directory(&folder).stdout(&out).submit(&workflow);
///     assert_eq!(counted.await?, 0);
///     assert_eq!(std::fs::read_to_string(&out)?.trim(), "2");
///     # std::fs::remove_dir_all(&folder)?;
///     Ok(())
/// }
/// ```
///
/// Parameters and options are those of [`macro@task`]:
///
/// | option | value | meaning |
/// |---|---|---|
/// | `executor` | `"name"` or `["one", "other"]` | the executors that calls may go to |
/// | `retries` | whole number | how often a failed attempt is repeated |
/// | `timeout` | `"90s"`, `"1h30m"`, or whole seconds | how long an attempt may take; then its processes are ended |
/// | `label`, `name`, `priority`, `cache`, `version`, `ignore`, `on_loss` | | as for [`macro@task`] |
/// | `fallible`, `infallible` | nothing | whether the body returns a `Result`, where its type's name misleads |
/// | `crate` | `"path"` or `path` | the path of the `chiltepin` crate where it is renamed |
///
/// Refused beside what [`macro@task`] refuses: an `async` body, and one that returns no script.
#[proc_macro_attribute]
pub fn bash_task(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::task(Kind::Command, options.into(), item.into()).into()
}

/// Makes a function that submits further calls a task: it runs in the driver and gives the value
/// of what it submitted.
///
/// The function takes `workflow: &Workflow`, at any place, which is no argument of the call. It
/// returns `AppFuture<T>`, `Vec<AppFuture<T>>`, a `Result` of either, or a plain value; the
/// value of the call is `T`, `Vec<T>`, or that value. An `async` body may await what it submitted;
/// it holds no thread meanwhile, so any number of joins can wait at once.
///
/// ```
/// use chiltepin::{AppFuture, Workflow, join_task, task};
///
/// #[task]
/// fn halve(x: u64) -> u64 {
///     x / 2
/// }
///
/// /// How often a number can be halved before nothing is left.
/// #[join_task]
/// async fn halvings(workflow: &Workflow, x: u64) -> Result<u32, chiltepin::TaskError> {
///     let (mut x, mut count) = (x, 0);
///     while x > 0 {
///         x = halve(x).submit(workflow).await?;
///         count += 1;
///     }
///     Ok(count)
/// }
///
/// #[join_task]
/// async fn each(workflow: &Workflow, numbers: Vec<u64>) -> Vec<AppFuture<u32>> {
///     workflow.map(numbers, halvings)
/// }
///
/// #[chiltepin::main]
/// async fn main(workflow: Workflow) -> chiltepin::Result<()> {
///     assert_eq!(each(vec![0, 1, 100]).submit(&workflow).await?, [0, 1, 7]);
///     Ok(())
/// }
/// ```
///
/// | option | value | meaning |
/// |---|---|---|
/// | `retries` | whole number | how often a failed attempt is repeated, with all it submits |
/// | `timeout` | `"90s"`, `"1h30m"`, or whole seconds | how long the body may take; then what it submitted is cancelled |
/// | `label`, `name`, `priority`, `cache`, `version`, `ignore` | | as for [`macro@task`] |
/// | `fallible`, `infallible` | nothing | whether the return type is a `Result`, where its name misleads |
/// | `crate` | `"path"` or `path` | the path of the `chiltepin` crate where it is renamed |
///
/// There is no `executor` and no `on_loss`: the body runs in the driver, and what it submits goes
/// where its calls say.
#[proc_macro_attribute]
pub fn join_task(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::task(Kind::Join, options.into(), item.into()).into()
}

/// Makes those methods of an impl block tasks that carry [`macro@task`], [`macro@bash_task`] or
/// [`macro@join_task`].
///
/// A method takes `&self`, a snapshot of the value when the call is made, or no `self` at all. The
/// type is an argument like any other: it can be cloned and serialised. Everything else in the
/// block stays as it is.
///
/// ```
/// use chiltepin::Workflow;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Line {
///     slope: f64,
/// }
///
/// #[chiltepin::tasks]
/// impl Line {
///     fn height(&self, x: f64) -> f64 {
///         self.slope * x
///     }
///
///     #[task]
///     fn at(&self, x: f64) -> f64 {
///         self.height(x)
///     }
/// }
///
/// #[chiltepin::main]
/// async fn main(workflow: Workflow) -> chiltepin::Result<()> {
///     let line = Line { slope: 2.0 };
///     assert_eq!(line.at(1.5).submit(&workflow).await?, 3.0);
///     Ok(())
/// }
/// ```
///
/// | option | value | meaning |
/// |---|---|---|
/// | `crate` | `"path"` or `path` | the path of the `chiltepin` crate where it is renamed |
#[proc_macro_attribute]
pub fn tasks(options: TokenStream, item: TokenStream) -> TokenStream {
    expand_tasks::expand(options.into(), item.into()).into()
}

/// Opens the workflow that `main` works with, and closes it when `main` returns.
///
/// `main` takes `workflow: Workflow` or nothing, is `async` or not, and returns nothing or a
/// `Result`; its error is printed with its causes, and the exit code is 1. When it returns well,
/// the workflow is closed, which waits for all calls. The first Ctrl-C or SIGTERM lets running tasks
/// end within a grace, the second kills them; the exit code is then 130 or 143.
///
/// Worker processes are the program itself started again: what is first in such a process lets it
/// in, as `chiltepin::init()` does in a program without this attribute.
///
/// An async `main` is spawned, which makes a round trip cheap; so what it keeps across an `.await` can
/// be sent to another thread. `std::env::args()` cannot: collect it first.
///
/// ```
/// use chiltepin::{Workflow, task};
///
/// #[task]
/// fn greet(name: String) -> String {
///     format!("hello, {name}")
/// }
///
/// #[chiltepin::main]
/// async fn main(workflow: Workflow) -> chiltepin::Result<()> {
///     println!("{}", greet("world").submit(&workflow).await?);
///     Ok(())
/// }
/// ```
///
/// Without `async` the body blocks instead:
///
/// ```
/// # use chiltepin::{Workflow, task};
/// # #[task]
/// # fn greet(name: String) -> String {
/// #     format!("hello, {name}")
/// # }
/// #[chiltepin::main]
/// fn main(workflow: Workflow) -> chiltepin::Result<()> {
///     println!("{}", greet("world").submit(&workflow).result()?);
///     Ok(())
/// }
/// ```
///
/// | option | value | meaning |
/// |---|---|---|
/// | `config` | `"path"` | the configuration file |
/// | `crate` | `"path"` or `path` | the path of the `chiltepin` crate where it is renamed |
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand_main::expand(Start::Main, options.into(), item.into()).into()
}

/// Makes a function a test with a workflow of its own.
///
/// The function takes `workflow: Workflow` or nothing, is `async` or not, and returns what a test
/// may return; `#[ignore]` and `#[should_panic]` work as ever. Worker processes are the test's own
/// program, started again at this test.
///
/// ```
/// use chiltepin::{Workflow, task};
///
/// #[task]
/// fn square(x: u64) -> u64 {
///     x * x
/// }
///
/// #[chiltepin::test]
/// async fn squares(workflow: Workflow) -> chiltepin::Result<()> {
///     assert_eq!(square(3).submit(&workflow).await?, 9);
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// | option | value | meaning |
/// |---|---|---|
/// | `config` | `"path"` | the configuration file |
/// | `crate` | `"path"` or `path` | the path of the `chiltepin` crate where it is renamed |
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand_main::expand(Start::Test, options.into(), item.into()).into()
}

/// Writes a shell script as a `String`, with every value that is put in quoted as a word.
///
/// ```
/// use chiltepin::sh;
///
/// let (key, files) = (2, ["a.txt", "b c.txt"]);
/// assert_eq!(sh!("sort -k {key} {files}"), "sort -k 2 a.txt 'b c.txt'");
/// assert_eq!(sh!("echo ${{HOME}} {}", "$HOME"), "echo ${HOME} '$HOME'");
/// assert_eq!(sh!("printf {:.3}", 2.0 / 3.0), "printf 0.667");
/// ```
///
/// | written | becomes |
/// |---|---|
/// | `{x}`, `{x.field}`, `{x.0}`, `{x[0]}`, `{x.method()}` | the value as one word; a list as a word for each element |
/// | `{x:?}`, `{x:>5}`, `{n:04}`, `{x:.3}` | the value, formatted as `format!` does, as one word |
/// | `{x:raw}` | the value as it is, unquoted |
/// | `{}`, `{0}`, `{name}` | an argument behind the text, as in `format!` |
/// | `{{`, `}}` | `{`, `}`: the shell's own variable is `${{HOME}}` |
///
/// A value stands where the shell reads a word. Within quotes, backticks, arithmetic, comments and
/// here-documents it is refused, since its quotes would mean something else there. `crate = path,`
/// before the text names the `chiltepin` crate where it is renamed.
#[proc_macro]
pub fn sh(tokens: TokenStream) -> TokenStream {
    shell::expand(tokens.into()).into()
}
