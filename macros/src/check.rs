//! What a task's function must be. Each refusal stands at the token and names the cure.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{GenericParam, Generics, ItemImpl, ReceiverKind, Safety, Signature, Type};

use crate::attributes;
use crate::check_parameters::{ignored, parameters};
use crate::check_returns::returns;
use crate::model::{Function, Kind, Place, Task};
use crate::options::TaskOptions;
use crate::report::Report;

/// The largest number of arguments, `self` among them: the runtime's tuples end there.
pub(crate) const MAXIMUM_ARGUMENTS: usize = 12;

/// Checks a function. `None` where it cannot be expanded; every reason is in the report.
pub(crate) fn task(
    function: Function,
    kind: Kind,
    options: TaskOptions,
    place: Place<'_>,
    report: &mut Report,
) -> Option<Task> {
    let Function {
        attributes,
        visibility,
        signature,
        block,
    } = function;
    if let (Kind::Join, Some(executors)) = (kind, &options.executors) {
        report.at(
            &executors.key,
            "a join task runs in the driver and takes no executor: remove the option, \
             and give the executor to the calls inside",
        );
    }
    if let (Kind::Join, Some(key)) = (kind, &options.on_loss_key) {
        report.at(
            key,
            "a join task runs in the driver, where no worker can be lost: remove the option, \
             and give it to the tasks that the join submits",
        );
    }
    let (outer_attributes, body_attributes) = attributes::split(attributes, report);

    // What is wrong with the signature leaves nothing to expand; a wrong option does.
    let qualified = qualifiers(&signature, kind, report);
    let generic = generics(&signature.generics, NotGeneric::Task, report);
    let receiver = receiver(&signature, place, report);
    let parameters = parameters(&signature, kind, report);
    if let (Some(receiver), Some(parameters)) = (&receiver, &parameters) {
        ignored(&signature, receiver, parameters, &options, report);
    }
    let returns = returns(&signature, kind, options.outcome, report);
    if !(qualified && generic) {
        return None;
    }
    Some(Task {
        kind,
        runtime: runtime(&options.runtime),
        options,
        owner: match place {
            Place::Bare => None,
            Place::Method(block) => Some((*block.self_ty).clone()),
        },
        outer_attributes,
        body_attributes,
        visibility,
        name: signature.ident,
        is_async: signature.asyncness.is_some(),
        receiver: receiver?,
        parameters: parameters?,
        returns: returns?,
        where_clause: signature.generics.where_clause,
        block,
    })
}

/// The path of the runtime crate: what the option `crate` says, else `::chiltepin`.
pub(crate) fn runtime(option: &Option<syn::Path>) -> TokenStream {
    match option {
        Some(path) => quote!(#path),
        None => quote!(::chiltepin),
    }
}

/// Checks the impl block that `#[tasks]` stands on.
pub(crate) fn impl_block(block: &ItemImpl, report: &mut Report) -> bool {
    let mut good = generics(&block.generics, NotGeneric::ImplBlock, report);
    if let Some((path, _)) = &block.trait_ {
        good = false;
        let owner = crate::types::readable(&block.self_ty);
        report.at(
            path,
            format!(
                "the methods of a trait cannot be tasks: move them to `impl {owner} {{ ... }}` \
                 and call them from the trait's methods"
            ),
        );
    }
    good
}

/// Refuses `const`, `unsafe`, `extern` and variadic functions. Tells whether there is none of it.
pub(crate) fn qualifiers(signature: &Signature, kind: Kind, report: &mut Report) -> bool {
    let mut good = plain(signature, "task", report);
    if let (Kind::Command, Some(asyncness)) = (kind, &signature.asyncness) {
        good = false;
        report.at(
            asyncness,
            "a bash task's body only writes the script: remove `async`, \
             or let a `#[task]` prepare what it waits for",
        );
    }
    good
}

/// Refuses what no function that is started by the framework can be.
pub(crate) fn plain(signature: &Signature, what: &str, report: &mut Report) -> bool {
    let mut good = true;
    if let Some(constness) = &signature.constness {
        good = false;
        report.at(
            constness,
            format!("a {what} runs when it is started: remove `const`"),
        );
    }
    if let Safety::Unsafe(safety) = &signature.safety {
        good = false;
        let message = format!(
            "a {what} is started by the framework, which cannot keep a promise made in `unsafe`: \
             remove it, and use an unsafe block in the body"
        );
        report.at(safety, message);
    }
    if let Some(abi) = &signature.abi {
        good = false;
        report.at(
            abi,
            format!("a {what} is an ordinary Rust function: remove `extern`"),
        );
    }
    if let Some(variadic) = &signature.variadic {
        good = false;
        report.at(
            variadic,
            format!("a {what} takes a fixed number of arguments: take a `Vec`"),
        );
    }
    good
}

/// What must not have parameters of types, constants or lifetimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotGeneric {
    Task,
    ImplBlock,
    /// `main`, or a test.
    Start,
}

impl NotGeneric {
    fn reason(self, parameter: &GenericParam) -> &'static str {
        match (self, parameter) {
            (Self::Task, GenericParam::Lifetime(_)) => {
                "a task cannot have lifetime parameters: its arguments and its value outlive the \
                 call, so take and return owned types"
            }
            (Self::Task, _) => {
                "a task cannot be generic: it is found by its name, and one name is one function; \
                 write the types out, and call a generic function from the body"
            }
            (Self::ImplBlock, _) => {
                "the methods of a generic type cannot be tasks: a task is found by its name, and \
                 one name is one function; write the block for one type, as in `impl Grid<f64>`"
            }
            (Self::Start, _) => "nobody is there to say what this parameter stands for: remove it",
        }
    }
}

/// Refuses parameters of types, constants and lifetimes; a where clause alone is kept.
pub(crate) fn generics(generics: &Generics, of: NotGeneric, report: &mut Report) -> bool {
    for parameter in &generics.params {
        report.at(parameter, of.reason(parameter));
    }
    generics.params.is_empty()
}

/// Checks `self`: `None` where it is refused, `Some(None)` where there is none.
fn receiver(
    signature: &Signature,
    place: Place<'_>,
    report: &mut Report,
) -> Option<Option<syn::Receiver>> {
    let Some(receiver) = signature.receiver() else {
        return Some(None);
    };
    if let Place::Bare = place {
        report.at(
            receiver,
            "a method is a task only within its impl block: \
             put `#[chiltepin::tasks]` on the impl block, and leave this attribute here",
        );
        return None;
    }
    let message = match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => return Some(Some(receiver.clone())),
        ReceiverKind::Reference(_, _, Some(_)) => {
            "a task works on a snapshot of `self`, so that changes would be lost: \
             take `&self` and return what has changed"
        }
        ReceiverKind::Reference(_, Some(_), None) => {
            "a task works on a snapshot of `self`, which has no lifetime to name: take `&self`"
        }
        _ => "a task works on a snapshot of `self`, taken when it is submitted: take `&self`",
    };
    report.at(receiver, message);
    None
}

/// Refuses types that only a body can have: `impl Trait`. Tells whether there is none.
pub(crate) fn named(ty: &Type, message: &str, report: &mut Report) -> bool {
    struct Search(Option<proc_macro2::Span>);
    impl<'ast> syn::visit::Visit<'ast> for Search {
        fn visit_type_impl_trait(&mut self, ty: &'ast syn::TypeImplTrait) {
            self.0.get_or_insert(ty.span());
        }
    }
    let mut search = Search(None);
    syn::visit::Visit::visit_type(&mut search, ty);
    if let Some(span) = search.0 {
        report.at_span(span, message);
    }
    search.0.is_none()
}
