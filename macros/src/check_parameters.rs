//! What the parameters of a task must be.

use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::{FnArg, Ident, Pat, PatType, Receiver, Signature, Type};

use crate::check::{MAXIMUM_ARGUMENTS, named};
use crate::model::{Kind, Parameter, Source};
use crate::nearest::nearest;
use crate::options::TaskOptions;
use crate::report::Report;
use crate::types::{self, Borrow, Statics};

/// Checks the parameters after `self`. `None` where one of them is refused.
pub(crate) fn parameters(
    signature: &Signature,
    kind: Kind,
    report: &mut Report,
) -> Option<Vec<Parameter>> {
    let mut checked = Vec::new();
    let mut good = true;
    for input in &signature.inputs {
        let FnArg::Typed(written) = input else {
            continue;
        };
        match parameter(written, kind, report) {
            Some(parameter) => checked.push(parameter),
            None => good = false,
        }
    }
    good &= given_once(&checked, report);
    good &= few_enough(signature, &checked, report);
    if kind == Kind::Join && !names_workflow(signature) {
        good = false;
        report.at(
            &signature.ident,
            "a join task submits further calls and needs the workflow for it: \
             add a parameter `workflow: &Workflow`, or make it a `#[task]`",
        );
    }
    good.then_some(checked)
}

/// Checks that what is left out of the cache key is there.
pub(crate) fn ignored(
    signature: &Signature,
    receiver: &Option<Receiver>,
    parameters: &[Parameter],
    options: &TaskOptions,
    report: &mut Report,
) {
    let arguments = parameters
        .iter()
        .filter(|parameter| parameter.source == Source::Argument)
        .map(|parameter| parameter.name.unraw().to_string());
    let known: Vec<_> = receiver
        .iter()
        .map(|_| "self".to_owned())
        .chain(arguments)
        .collect();
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    for name in &options.ignored {
        let unknown = name.unraw().to_string();
        if known.contains(&unknown.as_str()) {
            continue;
        }
        let function = &signature.ident;
        let list: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        let list = list.join(", ");
        let cure = match nearest(&unknown, &known) {
            Some(nearest) => format!(": did you mean `{nearest}`? The arguments are {list}"),
            None if list.is_empty() => ": remove it, for there is no other either".to_owned(),
            None => format!("; the arguments are {list}"),
        };
        let message = format!("`{function}` has no argument `{unknown}` to leave out{cure}");
        report.at(name, message);
    }
}

fn names_workflow(signature: &Signature) -> bool {
    signature.inputs.iter().any(|input| match input {
        FnArg::Typed(written) => {
            types::is_named(without_reference(&written.ty), Source::Workflow.type_name())
        }
        FnArg::Receiver(_) => false,
    })
}

impl Source {
    fn type_name(self) -> &'static str {
        match self {
            Self::Argument => "",
            Self::Context => "TaskContext",
            Self::Workflow => "Workflow",
        }
    }

    fn of(ty: &Type) -> Self {
        [Self::Context, Self::Workflow]
            .into_iter()
            .find(|source| types::is_named(without_reference(ty), source.type_name()))
            .unwrap_or(Self::Argument)
    }
}

fn without_reference(ty: &Type) -> &Type {
    match types::bare(ty) {
        Type::Reference(reference) => without_reference(&reference.elem),
        other => other,
    }
}

fn parameter(written: &PatType, kind: Kind, report: &mut Report) -> Option<Parameter> {
    let name = name(&written.pat, report);
    let source = Source::of(&written.ty);
    let mut good = match source {
        Source::Argument => argument(&written.ty, report),
        Source::Context => shared(&written.ty, source, report),
        Source::Workflow if kind == Kind::Join => shared(&written.ty, source, report),
        Source::Workflow => {
            report.at(
                &written.ty,
                "only a join task gets the workflow; make it `#[join_task]`, \
                 or call the other task's `.run()` here",
            );
            false
        }
    };
    for attribute in &written.attrs {
        if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
            good = false;
            report.at(
                attribute,
                "a task has the same arguments in every build: \
                 put the condition on two functions instead",
            );
        }
    }
    let name = name?;
    good.then(|| Parameter {
        source,
        name,
        written: written.clone(),
    })
}

fn name(pattern: &Pat, report: &mut Report) -> Option<Ident> {
    match pattern {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            return Some(name.ident.clone());
        }
        Pat::Ident(name) if name.subpat.is_none() => report.at(
            pattern,
            format!(
                "an argument comes by value: write `{}` without `ref`",
                name.ident
            ),
        ),
        Pat::Wild(_) => report.at(
            pattern,
            "an argument needs a name, which callers read: write `_name` if the body ignores it",
        ),
        _ => report.at(
            pattern,
            "an argument of a task is one name, not a pattern: \
             name it here, and take it apart with `let` in the body",
        ),
    }
    None
}

fn argument(ty: &Type, report: &mut Report) -> bool {
    if !named(
        ty,
        "an argument of a task has one type, as it may be read back from bytes: write the type; \
         callers may still pass a value, a future, or a list of futures",
        report,
    ) {
        return false;
    }
    match types::borrow(ty, Statics::Refused) {
        None => true,
        Some(Borrow::Reference(reference)) => {
            let written = types::readable(&reference);
            let owned = types::readable(types::owned(&reference));
            let message = if reference.mutability.is_some() {
                format!(
                    "a task may run elsewhere and cannot change what the caller has: \
                     take `{owned}` instead of `{written}`, and return what has changed"
                )
            } else if reference.to_token_stream().to_string() == ty.to_token_stream().to_string() {
                format!(
                    "a task may run after its caller has gone on, so it owns its arguments: \
                     take `{owned}` instead of `{written}`; callers may still pass `{}`",
                    types::readable(without_lifetime(reference.clone()))
                )
            } else {
                format!(
                    "a task may run after its caller has gone on, so it owns its arguments: \
                     take `{owned}` instead of `{written}` here"
                )
            };
            report.at(&reference, message);
            false
        }
        Some(Borrow::Lifetime(lifetime)) => {
            report.at(
                &lifetime,
                "a task may run after its caller has gone on, so its arguments borrow nothing: \
                 write an owned type, or `'static`",
            );
            false
        }
    }
}

fn without_lifetime(mut reference: syn::TypeReference) -> syn::TypeReference {
    reference.lifetime = None;
    reference
}

/// What the framework gives, it gives as a shared reference.
fn shared(ty: &Type, source: Source, report: &mut Report) -> bool {
    if let Type::Reference(reference) = types::bare(ty)
        && reference.mutability.is_none()
        && reference.lifetime.is_none()
        && types::is_named(&reference.elem, source.type_name())
    {
        return true;
    }
    report.at(
        ty,
        format!(
            "the framework gives this one: take `&{}`",
            source.type_name()
        ),
    );
    false
}

fn given_once(parameters: &[Parameter], report: &mut Report) -> bool {
    let mut good = true;
    for source in [Source::Context, Source::Workflow] {
        for again in parameters
            .iter()
            .filter(|parameter| parameter.source == source)
            .skip(1)
        {
            good = false;
            report.at(
                &again.written,
                format!(
                    "`&{}` is given once: remove this parameter",
                    source.type_name()
                ),
            );
        }
    }
    good
}

fn few_enough(signature: &Signature, parameters: &[Parameter], report: &mut Report) -> bool {
    let receivers = usize::from(signature.receiver().is_some());
    let arguments = parameters
        .iter()
        .filter(|parameter| parameter.source == Source::Argument);
    let mut beyond = arguments.skip(MAXIMUM_ARGUMENTS - receivers);
    match beyond.next() {
        None => true,
        Some(parameter) => {
            report.at(
                &parameter.written,
                format!(
                    "a task takes at most {MAXIMUM_ARGUMENTS} arguments{}: \
                     gather them in a struct that derives `Serialize`, `Deserialize` and `Clone`",
                    if receivers == 0 {
                        ""
                    } else {
                        ", `self` among them"
                    }
                ),
            );
            false
        }
    }
}
