//! The kinds of call, as marker types.

mod sealed {
    pub trait Sealed {}
}

/// A kind of call that runs on an executor.
#[diagnostic::on_unimplemented(
    message = "this is not for a join: the workflow's driver runs it, on no executor",
    label = "for calls of `#[task]` and `#[bash_task]` only",
    note = "submit the join, and let the calls that it submits say where they run"
)]
pub trait Executed: sealed::Sealed {}

/// A function, synchronous or async: `#[task]`.
#[derive(Debug)]
pub struct Function;

/// A shell command: `#[bash_task]`.
#[derive(Debug)]
pub struct Command;

/// A join, which submits other calls: `#[join_task]`. It runs in the driver.
#[derive(Debug)]
pub struct Join;

impl sealed::Sealed for Function {}
impl sealed::Sealed for Command {}
impl Executed for Function {}
impl Executed for Command {}
