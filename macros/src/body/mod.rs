//! A number that tells one body from another, and not one way to write it down from another.
//!
//! ```text
//!   Task ─► its function ──normalise──► one form ──hash──► u128
//! ```
//!
//! What rustfmt changes, comments and docs leave the number as it is; every other change of the
//! parameters, the return type or the body makes it another. It is part of the key under which a
//! result is kept, so that a doubt is decided for another number: that costs one more run, while
//! the same number for two meanings would give a wrong result.

mod hash;
mod normalise;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit_mut::VisitMut as _;
use syn::{FnArg, ItemFn};

use crate::model::{Kind, Outcome, Task};
use hash::Hasher;
use normalise::Normalise;

/// The number of a task's function.
pub(crate) fn hash(task: &Task) -> u128 {
    let receiver = task.receiver.iter().cloned().map(FnArg::Receiver);
    let typed = task
        .parameters
        .iter()
        .map(|parameter| FnArg::Typed(parameter.written.clone()));
    let parameters = receiver.chain(typed);
    let asyncness = task.is_async.then(|| quote!(async));
    let output = task.returns.written.as_ref().map(|ty| quote!(-> #ty));
    let (attributes, where_clause, block) =
        (&task.body_attributes, &task.where_clause, &task.block);
    let function = quote! {
        #(#attributes)* #asyncness fn body(#(#parameters),*) #output #where_clause #block
    };
    let mut hasher = Hasher::new();
    // They decide of which type the value is.
    hasher.text(match task.kind {
        Kind::Function => "function",
        Kind::Command => "command",
        Kind::Join => "join",
    });
    hasher.text(match task.returns.outcome {
        Outcome::Fallible => "fallible",
        Outcome::Infallible | Outcome::DeclaredInfallible => "infallible",
    });
    hasher.tokens(normalised(function));
    hasher.finish()
}

/// A function in the one form of all that mean the same; as it is where the parser cannot read it,
/// which may be older than the compiler.
fn normalised(function: TokenStream) -> TokenStream {
    match syn::parse2::<ItemFn>(function.clone()) {
        Ok(mut function) => {
            Normalise.visit_item_fn_mut(&mut function);
            quote!(#function)
        }
        Err(_) => normalise::unread(function),
    }
}
