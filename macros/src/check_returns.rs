//! What a task must return.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{ReturnType, Signature, Type};

use crate::check::named;
use crate::expand_task::located;
use crate::model::{Kind, Outcome, Returns};
use crate::options::DeclaredOutcome;
use crate::report::Report;
use crate::types::{self, Borrow, Statics};

/// Checks the return type. `None` where it is refused.
pub(crate) fn returns(
    signature: &Signature,
    kind: Kind,
    declared: DeclaredOutcome,
    report: &mut Report,
) -> Option<Returns> {
    let written = match &signature.output {
        ReturnType::Type(_, ty) => Some((**ty).clone()),
        ReturnType::Default => None,
    };
    let outcome = match (declared, &written) {
        (DeclaredOutcome::Fallible, _) => Outcome::Fallible,
        (DeclaredOutcome::Infallible, _) => Outcome::DeclaredInfallible,
        (DeclaredOutcome::ByName, Some(ty)) if types::is_result_by_name(ty) => Outcome::Fallible,
        (DeclaredOutcome::ByName, _) => Outcome::Infallible,
    };
    let returns = Returns {
        span: written
            .as_ref()
            .map_or_else(|| signature.ident.span(), |ty| ty.span()),
        written,
        outcome,
    };
    let mut good = match &returns.written {
        Some(ty) => owned(ty, &returns, signature, report),
        None if returns.outcome == Outcome::Fallible => {
            report.at_span(
                returns.span,
                "`fallible` says that the task returns a `Result`, but it returns nothing: \
                 remove the option, or write the return type",
            );
            false
        }
        None => true,
    };
    if good && kind == Kind::Command {
        good = script(&returns, report);
    }
    good.then_some(returns)
}

fn owned(ty: &Type, returns: &Returns, signature: &Signature, report: &mut Report) -> bool {
    if !named(
        ty,
        "the value of a task has one type, as it may be read back from bytes: write the type",
        report,
    ) {
        return false;
    }
    // The error of a result may hold what is `'static`: it is never read back as such.
    let value = match types::type_arguments(ty).as_slice() {
        [value, error] if returns.is_written_result() => {
            if let Some(found) = types::borrow(error, Statics::Kept) {
                refuse_borrow(&found, signature, report);
                return false;
            }
            (*value).clone()
        }
        _ => ty.clone(),
    };
    match types::borrow(&value, Statics::Refused) {
        Some(found) => {
            refuse_borrow(&found, signature, report);
            false
        }
        None => true,
    }
}

fn refuse_borrow(found: &Borrow, signature: &Signature, report: &mut Report) {
    let reason = if signature.receiver().is_some() {
        "the value outlives the snapshot of `self` that the task works on"
    } else {
        "the value outlives the task that made it"
    };
    match found {
        Borrow::Reference(reference) => report.at(
            reference,
            format!(
                "{reason}: return `{}`",
                types::readable(types::owned(reference))
            ),
        ),
        Borrow::Lifetime(lifetime) => {
            report.at(
                lifetime,
                format!("{reason}: return an owned type, or `'static`"),
            );
        }
    }
}

/// A command's body returns its script.
fn script(returns: &Returns, report: &mut Report) -> bool {
    const CURE: &str = "a bash task returns its script: \
                        write `-> String`, or a `Result` of it; the value of the call is the \
                        exit code";
    let Some(written) = &returns.written else {
        report.at_span(returns.span, CURE);
        return false;
    };
    let arguments = types::type_arguments(written);
    let good = match (returns.outcome, arguments.first()) {
        (Outcome::Fallible, Some(value)) => types::is_named(value, "String"),
        // An alias without arguments: the compiler knows.
        (Outcome::Fallible, None) => true,
        _ => types::is_named(written, "String"),
    };
    if !good {
        report.at(written, CURE);
    }
    good
}

impl Returns {
    /// Whether the type is written as `Result<T, E>`, so that the value type can be read off it.
    fn is_written_result(&self) -> bool {
        let Some(ty) = &self.written else {
            return false;
        };
        self.outcome == Outcome::Fallible
            && types::is_named(ty, "Result")
            && types::type_arguments(ty).len() == 2
    }

    /// The value type, where it is written in the return type; else how it is projected.
    pub(crate) fn value(&self, private: &TokenStream) -> Value<'_> {
        match (&self.written, self.outcome) {
            (None, _) => Value::Projected(quote!(())),
            (Some(ty), Outcome::Fallible) if self.is_written_result() => {
                match types::type_arguments(ty).first() {
                    Some(value) => Value::Written(value),
                    None => Value::Written(ty),
                }
            }
            (Some(ty), Outcome::Fallible) => {
                let span = located(self.span);
                Value::Projected(quote_spanned!(span=> <#ty as #private::Fallible>::Value))
            }
            (Some(ty), _) => Value::Written(ty),
        }
    }
}

/// The type of a task's value.
pub(crate) enum Value<'a> {
    /// As the user wrote it.
    Written(&'a Type),
    /// Through an alias that only the compiler sees through.
    Projected(TokenStream),
}
