//! Writes how a join task starts: its body gives a future, a list of futures, or a value.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

use crate::check_returns::Value;
use crate::expand_task::{local, located};
use crate::model::Task;
use crate::types;

/// The type of the value that the call gives in the end.
pub(crate) fn joined(task: &Task) -> TokenStream {
    let span = located(task.returns.span);
    let private = task.private_at(span);
    match task.returns.value(&private) {
        Value::Written(ty) => {
            read_off(ty).unwrap_or_else(|| quote_spanned!(span=> <#ty as #private::Joined>::Value))
        }
        // `anyhow::Result<AppFuture<T>>` shows what it holds all the same.
        Value::Projected(ty) => task
            .returns
            .written
            .as_ref()
            .and_then(|written| types::type_arguments(written).first().copied())
            .and_then(read_off)
            .unwrap_or_else(|| quote_spanned!(span=> <#ty as #private::Joined>::Value)),
    }
}

/// The value type, where it can be read off: docs and messages show it plainly then, and for a
/// list of futures there is no other way.
fn read_off(ty: &Type) -> Option<TokenStream> {
    if let Some(value) = types::argument_of(ty, "AppFuture") {
        return Some(quote!(#value));
    }
    let element = types::argument_of(ty, "Vec")?;
    let value = types::argument_of(element, "AppFuture")?;
    Some(quote!(::std::vec::Vec<#value>))
}

pub(crate) fn join(task: &Task) -> TokenStream {
    let (waits, values, given, outcome) =
        (task.waits(), task.values(), task.given(), task.outcome());
    let (run, result, value) = (local("run"), local("result"), local("value"));
    let joined = joined(task);
    let span = located(task.returns.span);
    let private = task.private_at(span);
    let wait = quote_spanned!(span=> #private::wait::<#joined>(#value));
    // A body that is not async runs within the future too, so that its panics are caught there.
    quote_spanned! {span=>
        #private::join(&__CHILTEPIN_TASK, #waits, |#values, #run| {
            let _ = #run;
            #given
            async move {
                let #result = #outcome;
                match #result {
                    ::core::result::Result::Ok(#value) => ::core::result::Result::Ok(#wait),
                    ::core::result::Result::Err(#value) => ::core::result::Result::Err(#value),
                }
            }
        })
    }
}
