//! Writes a task: the function that callers see, the body inside of it, its registration.
//!
//! ```text
//!   fn multiply(x: impl IntoArg<i64>, ..) -> Call<i64> {
//!       fn __chiltepin_multiply(x: i64, ..) -> i64 { .. }         the user's body
//!       fn __chiltepin_start_multiply((x, ..): (i64, ..), run) -> Result<i64, Failure> { .. }
//!       fn __chiltepin_serve_multiply(call, out) -> Result<(), Failure> { .. }
//!       struct __ChiltepinHere; static __CHILTEPIN_TASK; submit!   its name, its registration
//!       __private::function(&TASK, (wait::<i64>(x), ..), __chiltepin_start_multiply)
//!   }
//! ```
//!
//! Both ways to a body, the call and the registration through which other processes serve it, go
//! through the one function that starts it, so that it is compiled once.
//!
//! The body stands inside, so that conditions and lint levels reach it and nothing else sees it. A
//! method's body stands in an impl block of its own inside, since a nested function has no `Self`.
//! What user code can see there has names that nobody writes.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{FnArg, Ident};

use crate::check_returns::Value;
use crate::expand_join::{join, joined};
use crate::expand_registration::registration;
use crate::expand_start::{call, start};
use crate::model::{Kind, Outcome, Source, Task};
use crate::types;

/// Writes the task.
pub(crate) fn expand(task: &Task) -> TokenStream {
    let Task {
        outer_attributes,
        visibility,
        name,
        where_clause,
        ..
    } = task;
    let receiver = task
        .receiver
        .as_ref()
        .map(|receiver| quote_spanned!(receiver.span()=> &self,));
    let arguments = task.arguments().map(|parameter| {
        let ty = &parameter.written.ty;
        let name = &parameter.name;
        let span = located(ty.span());
        let runtime = placed(task.runtime.clone(), span);
        let bound = quote_spanned!(span=> impl #runtime::IntoArg<#ty>);
        quote!(#name: #bound)
    });
    let returns = call_type(task);
    let bodies = bodies(task);
    let outcome = check_outcome(task);
    let registration = registration(task);
    let call = match task.kind {
        Kind::Function | Kind::Command => call(task),
        Kind::Join => join(task),
    };
    quote! {
        #(#outer_attributes)*
        #visibility fn #name(#receiver #(#arguments),*) -> #returns #where_clause {
            #bodies
            #outcome
            #registration
            #call
        }
    }
}

impl Task {
    /// The hidden part of the runtime that expansions call.
    pub(crate) fn private(&self) -> TokenStream {
        let runtime = &self.runtime;
        quote!(#runtime::__private)
    }

    /// The same as if it were written at `span`.
    pub(crate) fn private_at(&self, span: Span) -> TokenStream {
        placed(self.private(), span)
    }

    /// The name of a function within the task's; the body's own has no role.
    pub(crate) fn inner_name(&self, role: &str) -> Ident {
        format_ident!(
            "__chiltepin_{}{}",
            role,
            self.name.unraw(),
            span = Span::call_site()
        )
    }

    /// The path of such a function, from within the task's function.
    pub(crate) fn inner_path(&self, role: &str) -> TokenStream {
        let name = self.inner_name(role);
        if self.owner.is_some() {
            quote!(Self::#name)
        } else {
            quote!(#name)
        }
    }

    /// The same from within an item there, which has no `Self`.
    pub(crate) fn inner_path_in_item(&self, role: &str) -> TokenStream {
        let name = self.inner_name(role);
        match &self.owner {
            Some(owner) => quote!(<#owner>::#name),
            None => quote!(#name),
        }
    }

    pub(crate) fn arguments(&self) -> impl Iterator<Item = &crate::model::Parameter> {
        self.parameters
            .iter()
            .filter(|parameter| parameter.source == Source::Argument)
    }

    /// What a call waits for: the snapshot of `self`, and the arguments, as a tuple.
    pub(crate) fn waits(&self) -> TokenStream {
        let snapshot = self.receiver.as_ref().map(|receiver| {
            let this = &receiver.self_token;
            let span = located(this.span());
            let private = self.private_at(span);
            quote_spanned!(span=> #private::wait::<Self>(#this),)
        });
        // One call per argument, at its type: a missing derive is reported there.
        let waits = self.arguments().map(|parameter| {
            let ty = &parameter.written.ty;
            let name = &parameter.name;
            let span = located(ty.span());
            let private = self.private_at(span);
            quote_spanned!(span=> #private::wait::<#ty>(#name),)
        });
        quote!((#snapshot #(#waits)*))
    }

    /// The pattern that takes the values of the arguments apart.
    pub(crate) fn values(&self) -> TokenStream {
        let snapshot = self.receiver.as_ref().map(|_| {
            let this = local("this");
            quote!(#this,)
        });
        let values = (0..self.arguments().count()).map(argument);
        quote!((#snapshot #(#values,)*))
    }

    /// The types of those values, as a tuple.
    pub(crate) fn types(&self) -> TokenStream {
        let snapshot = self.receiver.as_ref().map(|_| quote!(Self,));
        let types = self.arguments().map(|parameter| &parameter.written.ty);
        quote!((#snapshot #(#types,)*))
    }

    /// What the framework gives, taken from the run: `let context = run.context();`.
    pub(crate) fn given(&self) -> TokenStream {
        let run = local("run");
        let gives = self
            .parameters
            .iter()
            .filter_map(|parameter| match parameter.source {
                Source::Argument => None,
                Source::Context => {
                    let context = local("context");
                    Some(quote!(let #context = #run.context();))
                }
                Source::Workflow => {
                    let workflow = local("workflow");
                    Some(quote!(let #workflow = #run.workflow();))
                }
            });
        quote!(#(#gives)*)
    }

    /// The call of the body, with `.await` where it is async.
    fn call_body(&self) -> TokenStream {
        let span = located(self.returns.span);
        let path = placed(self.inner_path(""), span);
        let snapshot = self.receiver.as_ref().map(|_| {
            let this = local("this");
            quote!(&#this,)
        });
        let mut values = (0..).map(argument);
        let arguments = self
            .parameters
            .iter()
            .map(|parameter| match parameter.source {
                Source::Argument => values.next().into_token_stream(),
                Source::Context => borrowed("context"),
                Source::Workflow => borrowed("workflow"),
            });
        let waits = self.is_async.then(|| quote_spanned!(span=> .await));
        quote_spanned!(span=> #path(#snapshot #(#arguments),*) #waits)
    }

    /// The body's outcome as a `Result` whose error is the runtime's.
    pub(crate) fn outcome(&self) -> TokenStream {
        let private = self.private();
        let call = self.call_body();
        let (value, error) = (local("value"), local("error"));
        match self.returns.outcome {
            Outcome::Fallible => {
                let span = located(self.returns.span);
                let spanned = self.private_at(span);
                let failure = quote!(#private::failure!(#error));
                quote_spanned! {span=>
                    match #spanned::Fallible::into_result(#call) {
                        ::core::result::Result::Ok(#value) => ::core::result::Result::Ok(#value),
                        ::core::result::Result::Err(#error) => ::core::result::Result::Err(#failure),
                    }
                }
            }
            Outcome::Infallible | Outcome::DeclaredInfallible => {
                quote!(::core::result::Result::Ok(#call))
            }
        }
    }
}

/// A name of the macro's own, which user code neither sees nor hides.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn borrowed(name: &str) -> TokenStream {
    let name = local(name);
    quote!(&#name)
}

fn argument(index: usize) -> Ident {
    local(&format!("argument_{index}"))
}

/// The user's place, without the user's names.
pub(crate) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// A path as if it were written at `span`, so that what the compiler says of it is said there.
pub(crate) fn placed(path: TokenStream, span: Span) -> TokenStream {
    let tokens = path.into_iter().map(|mut token| {
        token.set_span(token.span().located_at(span));
        token
    });
    tokens.collect()
}

fn call_type(task: &Task) -> TokenStream {
    let span = located(task.returns.span);
    let runtime = placed(task.runtime.clone(), span);
    match task.kind {
        Kind::Function => {
            let value = match task.returns.value(&task.private_at(span)) {
                Value::Written(ty) => quote!(#ty),
                Value::Projected(ty) => ty,
            };
            quote_spanned!(span=> #runtime::Call<#value>)
        }
        Kind::Command => {
            quote_spanned! {span=>
                #runtime::Call<::core::primitive::i32, #runtime::kind::Command>
            }
        }
        Kind::Join => {
            let value = joined(task);
            quote_spanned!(span=> #runtime::Call<#value, #runtime::kind::Join>)
        }
    }
}

/// The user's body, and what starts it.
fn bodies(task: &Task) -> TokenStream {
    let Task {
        body_attributes,
        where_clause,
        block,
        ..
    } = task;
    let name = task.inner_name("");
    let asyncness = task.is_async.then(|| quote!(async));
    let receiver = task
        .receiver
        .iter()
        .map(|receiver| FnArg::Receiver(receiver.clone()));
    let typed = task
        .parameters
        .iter()
        .map(|parameter| FnArg::Typed(parameter.written.clone()));
    let parameters = receiver.chain(typed);
    let output = task.returns.written.as_ref().map(|ty| quote!(-> #ty));
    let start = start(task);
    let functions = quote! {
        #(#body_attributes)*
        #asyncness fn #name(#(#parameters),*) #output #where_clause #block
        #start
    };
    match &task.owner {
        None => functions,
        // The impl block is where its type is, as seen from the user's source.
        Some(owner) => quote! {
            #[allow(non_local_definitions, reason = "the type is beside the task in the source")]
            impl #owner {
                #functions
            }
        },
    }
}

/// Asks the compiler whether a return type that is not named like a result is one after all.
fn check_outcome(task: &Task) -> TokenStream {
    let (Outcome::Infallible, Some(written)) = (task.returns.outcome, &task.returns.written) else {
        return TokenStream::new();
    };
    let private = task.private();
    let ty = match &task.owner {
        Some(owner) => types::without_self(quote!(#written), owner),
        None => quote!(#written),
    };
    let message = format!(
        "the return type of `{}` is a `Result` under another name: write the `Result` out, \
         or add `fallible` to the attribute; `infallible` makes the whole result the value",
        task.name
    );
    let check = quote_spanned! {located(task.returns.span)=>
        ::core::assert!(!#private::IsResult::<#ty>::YES, #message);
    };
    quote! {
        const _: () = {
            use #private::NotResult as _;
            #check
        };
    }
}
