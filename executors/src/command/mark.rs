//! The name every process of a command carries in its environment.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, getpid};

use super::census;

/// The variable that marks a command and everything it starts.
///
/// Its value lists the commands a process belongs to, outermost first, separated by `/`; there
/// are several when a command starts a driver that runs commands of its own.
pub const COMMAND_VARIABLE: &str = "CHILTEPIN_COMMAND";

/// Numbers the commands of this process, over all its shells, since a mark must not come twice.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Makes the marks of the commands this process starts.
#[derive(Debug)]
pub(super) struct Marks {
    /// The commands this very process belongs to, with a `/` at the end unless there are none.
    outer: String,
    /// This process: its id and, since ids come again, its start time; ends with a dot.
    process: String,
}

impl Marks {
    /// Marks for this process, which was itself given the value `inherited`.
    pub(super) fn new(inherited: Option<&str>) -> Self {
        let outer = inherited.map_or_else(String::new, |outer| format!("{outer}/"));
        let process = process_part(getpid());
        Self { outer, process }
    }

    /// The mark of the next command.
    pub(super) fn next(&self) -> Mark {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let value = format!("{}{}{number}", self.outer, self.process);
        Mark {
            value,
            own: self.outer.len(),
        }
    }

    /// Whether a process with this value belongs to some command of this process.
    pub(super) fn are_in(&self, value: &str) -> bool {
        is_of(value, &self.process)
    }
}

/// How the marks begin of all commands that a process starts.
pub(super) fn process_part(process: Pid) -> String {
    format!("{process}.{}.", census::start_of(process))
}

/// Whether a process with this value belongs to some command of the process with this part.
pub(super) fn is_of(value: &str, process_part: &str) -> bool {
    value.split('/').any(|part| part.starts_with(process_part))
}

/// The mark of one command.
#[derive(Debug)]
pub(super) struct Mark {
    value: String,
    /// Where this command's own part of the value begins.
    own: usize,
}

impl Mark {
    /// What the variable is set to.
    pub(super) fn value(&self) -> &str {
        &self.value
    }

    /// Whether a process with this value belongs to the command.
    pub(super) fn is_in(&self, value: &str) -> bool {
        value.split('/').any(|part| part == &self.value[self.own..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_in_its_own_and_in_nested_commands() {
        let outer = Marks::new(None).next();
        let marks = Marks::new(Some(outer.value()));
        let inner = marks.next();
        assert!(outer.is_in(outer.value()));
        assert!(
            outer.is_in(inner.value()),
            "{inner:?} is nested in {outer:?}"
        );
        assert!(inner.is_in(inner.value()));
        assert!(!inner.is_in(outer.value()));
        assert!(
            !inner.is_in(&format!("{}0", inner.value())),
            "a longer number is another command"
        );
        assert!(marks.are_in(inner.value()));
        assert!(!marks.are_in("1.1.1"));
    }
}
