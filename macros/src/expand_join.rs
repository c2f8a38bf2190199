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
    let private = task.private();
    match task.returns.value(&private) {
        Value::Written(ty) => joined_type(ty, &private),
        Value::Projected(ty) => quote!(<#ty as #private::Joined>::Value),
    }
}

/// Written out where it can be read off the type, so that docs and messages show it plainly.
fn joined_type(ty: &Type, private: &TokenStream) -> TokenStream {
    if let Some(value) = types::argument_of(ty, "AppFuture") {
        return quote!(#value);
    }
    if let Some(value) =
        types::argument_of(ty, "Vec").and_then(|element| types::argument_of(element, "AppFuture"))
    {
        return quote!(::std::vec::Vec<#value>);
    }
    quote!(<#ty as #private::Joined>::Value)
}

pub(crate) fn join(task: &Task) -> TokenStream {
    let (waits, values, given, outcome) =
        (task.waits(), task.values(), task.given(), task.outcome());
    let private = task.private();
    let (run, result, value) = (local("run"), local("result"), local("value"));
    let joined = joined(task);
    let span = located(task.returns.span);
    let start = quote_spanned!(span=> #private::join);
    let wait = quote_spanned!(span=> #private::wait::<#joined>(#value));
    // A body that is not async runs within the future too, so that its panics are caught there.
    quote! {
        #start(&__CHILTEPIN_TASK, #waits, |#values, #run| {
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
