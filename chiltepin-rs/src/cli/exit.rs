use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// All was well.
    Success,
    /// It could not do what it was asked to.
    Failure,
    /// It was asked wrongly: the arguments, the environment or the configuration has a mistake.
    Usage,
    /// It was stopped by Ctrl-C.
    Interrupted,
    /// It was stopped by SIGTERM.
    Terminated,
}

/// Every end with its exit code and its meaning, as the help and the documentation list them.
pub const EXITS: &[(Exit, u8, &str)] = &[
    (Exit::Success, 0, "all was well"),
    (Exit::Failure, 1, "it could not be done"),
    (
        Exit::Usage,
        2,
        "the arguments, the environment or the configuration has a mistake",
    ),
    (Exit::Interrupted, 130, "stopped by Ctrl-C"),
    (Exit::Terminated, 143, "stopped by SIGTERM"),
];

impl Exit {
    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        EXITS
            .iter()
            .find(|(exit, ..)| *exit == self)
            .map_or(1, |(_, code, _)| *code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_a_code_of_its_own() {
        let all = [
            Exit::Success,
            Exit::Failure,
            Exit::Usage,
            Exit::Interrupted,
            Exit::Terminated,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 130, 143]);
        assert_eq!(all.len(), EXITS.len());
    }
}
