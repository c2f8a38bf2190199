//! Which of a function's attributes describe the task, and which its body.

use syn::Attribute;

use crate::model::Kind;
use crate::report::Report;

/// Attributes that stay on the task. The body stands within the task's function, so that lint
/// levels and conditions reach it there.
const OF_THE_TASK: [&str; 9] = [
    "allow",
    "cfg",
    "cfg_attr",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "warn",
];

/// Splits attributes into those of the task and those of its body, in this order.
///
/// `#[must_use]` goes to the body: the task gives a call, which must be used anyway, and two
/// warnings for one mistake are one too many.
pub(crate) fn split(
    attributes: Vec<Attribute>,
    report: &mut Report,
) -> (Vec<Attribute>, Vec<Attribute>) {
    let (tasks, attributes): (Vec<_>, Vec<_>) = attributes
        .into_iter()
        .partition(|attribute| Kind::of(attribute.path()).is_some());
    for attribute in tasks {
        report.at(
            attribute,
            "a function is one task: remove this attribute or the other that makes it a task",
        );
    }
    attributes.into_iter().partition(|attribute| {
        OF_THE_TASK
            .iter()
            .any(|name| attribute.path().is_ident(name))
    })
}
