//! Shell lines that prepare the environment of a program, within the script of the shell that then
//! becomes it.

use std::ffi::{OsStr, OsString};

use crate::command::quoted;

/// Environment modules are a shell function, which a shell like this one has when `BASH_ENV` or an
/// exported function gives it, as on most clusters. Where a driver was started without a login, as
/// by cron, the function is looked for where its packages put it; a login shell would also run
/// what else is in the user's profile.
const MODULES: &str = r#"if ! type module >/dev/null 2>&1; then
for __chiltepin_file in "${LMOD_PKG-}/init/bash" "${MODULESHOME-}/init/bash" \
  /etc/profile.d/lmod.sh /etc/profile.d/z00_lmod.sh /etc/profile.d/modules.sh \
  /usr/share/lmod/lmod/init/bash /usr/share/modules/init/bash /usr/share/Modules/init/bash; do
if [ -r "$__chiltepin_file" ]; then . "$__chiltepin_file"; type module >/dev/null 2>&1 && break; fi
done; unset __chiltepin_file; fi
"#;

/// What goes before the lines if any of them uses environment modules.
pub(crate) fn modules(lines: &[String]) -> &'static str {
    if lines.iter().any(|line| names_modules(line)) {
        MODULES
    } else {
        ""
    }
}

/// A line as part of a script, which ends with the line's exit code unless that is 0.
///
/// Each line is complete in itself and fails by its exit code. That is not what `set -e` would do,
/// which stops within functions that take a failing command for an answer, as `module` does.
pub(crate) fn evaluated(line: &str) -> OsString {
    let mut text = OsString::from("eval ");
    text.push(quoted(OsStr::new(line)));
    text.push("\n__chiltepin_code=$?; [ $__chiltepin_code = 0 ] || exit $__chiltepin_code\n");
    text
}

/// Whether a line uses environment modules, by either name of the command.
fn names_modules(line: &str) -> bool {
    line.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .any(|word| matches!(word, "module" | "ml"))
}

/// Whether a line is one that no shell can take.
pub(crate) fn has_nul(line: &str) -> bool {
    line.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_looked_for_where_they_are_used() {
        for line in ["module load gcc", "x=1; ml gcc", "(module purge)"] {
            assert!(names_modules(line), "{line}");
        }
        for line in [
            "export my_module=1",
            "source html/setup.sh",
            "ulimit -n 4096",
        ] {
            assert!(!names_modules(line), "{line}");
        }
    }
}
