//! Writes how a task starts: the function that runs its body on the arguments' values, the one that
//! serves it to other processes, and the call that the task's function gives.
//!
//! ```text
//!   call ─────────────► start ──► body
//!   TASK.entry ─► serve ──┘
//! ```
//!
//! A join has none of it: its body runs in the driver alone.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::check_returns::Value;
use crate::expand_task::{local, located, placed};
use crate::model::{Kind, Outcome, Task};

/// The role of the function that starts the body, in its name.
const START: &str = "start_";
/// The role of the function that serves it.
const SERVE: &str = "serve_";
/// The role of the function that tells how the body's error travels.
const ERROR: &str = "error_";

/// The functions beside the body.
pub(crate) fn start(task: &Task) -> TokenStream {
    let error = error(task);
    if task.kind == Kind::Join {
        return error;
    }
    let (values, types, given, outcome) =
        (task.values(), task.types(), task.given(), task.outcome());
    let run = local("run");
    let name = task.inner_name(START);
    let span = located(task.returns.span);
    let private = task.private_at(span);
    let value = match (task.kind, task.returns.value(&private)) {
        (Kind::Command, _) => quote_spanned!(span=> ::std::string::String),
        (_, Value::Written(ty)) => quote!(#ty),
        (_, Value::Projected(ty)) => ty,
    };
    let result = quote_spanned!(span=> ::core::result::Result<#value, #private::Failure>);
    let (result, body) = if task.is_async {
        // Whether it is `Send` is asked where the call is made, for the compiler says more there.
        (
            quote_spanned!(span=> impl ::core::future::Future<Output = #result> + use<>),
            quote_spanned!(span=> async move { #outcome }),
        )
    } else {
        (result, outcome)
    };
    let serve = serve(task);
    quote_spanned! {span=>
        fn #name(#values: #types, #run: &#private::Run<'_>) -> #result {
            let _ = #run;
            #given
            #body
        }
        #serve
        #error
    }
}

/// Runs the body on encoded arguments. A type that cannot travel is the call's to report: what
/// `serve` is here then is of no use and says nothing.
fn serve(task: &Task) -> TokenStream {
    // At the return type, so that what is wrong with it is said once.
    let span = located(task.returns.span);
    let private = task.private_at(span);
    let (call, out) = (local("call"), local("out"));
    let name = task.inner_name(SERVE);
    let start = placed(task.inner_path(START), span);
    let import = quote!(use #private::serve::Unserved as _;);
    match (task.kind, task.is_async) {
        (Kind::Command, _) => quote_spanned! {span=>
            fn #name(
                #call: &::std::sync::Arc<#private::ServedCall>,
            ) -> ::core::result::Result<::std::string::String, #private::Failure> {
                #import
                #private::serve::Command(#start).serve_command(#call)
            }
        },
        (_, true) => quote_spanned! {span=>
            fn #name(#call: ::std::sync::Arc<#private::ServedCall>) -> #private::serve::ServedFuture {
                #import
                #private::serve::AsyncFunction(#start).serve_async(#call)
            }
        },
        (_, false) => quote_spanned! {span=>
            fn #name(
                #call: &::std::sync::Arc<#private::ServedCall>,
                #out: &mut ::std::vec::Vec<::core::primitive::u8>,
            ) -> ::core::result::Result<(), #private::Failure> {
                #import
                #private::serve::Function(#start).serve(#call, #out)
            }
        },
    }
}

/// Tells how the body's error travels, where it has one.
fn error(task: &Task) -> TokenStream {
    let (Outcome::Fallible, Some(written)) = (task.returns.outcome, &task.returns.written) else {
        return TokenStream::new();
    };
    let private = task.private();
    let name = task.inner_name(ERROR);
    quote! {
        fn #name() -> ::core::option::Option<#private::ErrorCodec> {
            #private::error_codec!(#written)
        }
    }
}

/// The registration's way to the body.
pub(crate) fn entry(task: &Task) -> TokenStream {
    let private = task.private();
    let serve = task.inner_path_in_item(SERVE);
    match (task.kind, task.is_async) {
        (Kind::Join, _) => quote!(#private::Entry::Join),
        (Kind::Command, _) => quote!(#private::Entry::Command(#serve)),
        (Kind::Function, true) => quote!(#private::Entry::AsyncFunction(#serve)),
        (Kind::Function, false) => quote!(#private::Entry::Function(#serve)),
    }
}

/// The registration's way to the body's error.
pub(crate) fn error_entry(task: &Task) -> TokenStream {
    match (task.returns.outcome, &task.returns.written) {
        (Outcome::Fallible, Some(_)) => task.inner_path_in_item(ERROR),
        _ => quote!(|| ::core::option::Option::None),
    }
}

/// The call of a function or a command.
pub(crate) fn call(task: &Task) -> TokenStream {
    let waits = task.waits();
    // What the value type lacks is reported of this call as a whole: at the return type.
    let span = located(task.returns.span);
    let start = placed(task.inner_path(START), span);
    let (values, run) = (local("values"), local("run"));
    // The function itself would be named, with all its types, in what the compiler says of them.
    let start = quote_spanned!(span=> |#values, #run| #start(#values, #run));
    let private = task.private_at(span);
    match (task.kind, task.is_async) {
        (Kind::Command, _) => {
            quote_spanned!(span=> #private::command(&__CHILTEPIN_TASK, #waits, #start))
        }
        (_, true) => {
            quote_spanned!(span=> #private::async_function(&__CHILTEPIN_TASK, #waits, #start))
        }
        (_, false) => quote_spanned!(span=> #private::function(&__CHILTEPIN_TASK, #waits, #start)),
    }
}
