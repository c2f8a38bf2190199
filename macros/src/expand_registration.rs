//! Writes what a task is known by at run time: its name, its place, its attribute's defaults.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::LitStr;
use syn::ext::IdentExt as _;

use crate::body;
use crate::expand_start::{entry, error_entry};
use crate::model::{Kind, Source, Task};
use crate::options::{OnLoss, Texts};
use crate::types;

/// The static that describes the task, and its entry in the program's list.
pub(crate) fn registration(task: &Task) -> TokenStream {
    let private = task.private();
    let function = task.name.unraw().to_string();
    let name = optional(task.options.name.as_ref().map(|name| quote!(#name)));
    let kind = match (task.kind, task.is_async) {
        (Kind::Function, false) => quote!(Function),
        (Kind::Function, true) => quote!(AsyncFunction),
        (Kind::Command, _) => quote!(Command),
        (Kind::Join, _) => quote!(Join),
    };
    // At the function's own name: at the attribute, all methods of a block would be in one place.
    let location = quote_spanned! {task.name.span()=>
        file: ::core::file!(), line: ::core::line!(), column: ::core::column!()
    };
    let defaults = defaults(task);
    let parameters = parameters(task);
    let returns = match &task.returns.written {
        Some(written) => types::readable(written),
        None => "()".to_owned(),
    };
    let takes_context = task
        .parameters
        .iter()
        .any(|parameter| parameter.source == Source::Context);
    let (entry, error) = (entry(task), error_entry(task));
    let body = body::hash(task);
    quote! {
        struct __ChiltepinHere;
        static __CHILTEPIN_TASK: #private::TaskInfo = #private::TaskInfo {
            type_name: || ::core::any::type_name::<__ChiltepinHere>(),
            function: #function,
            name: #name,
            kind: #private::TaskKind::#kind,
            location: #private::Location { #location },
            defaults: #defaults,
            parameters: &[#(#parameters),*],
            returns: #returns,
            takes_context: #takes_context,
            body: #body,
            entry: #entry,
            error: #error,
        };
        #private::inventory::submit! {
            #private::Registration(&__CHILTEPIN_TASK)
        }
    }
}

/// The arguments as they are written, `self` first.
fn parameters(task: &Task) -> impl Iterator<Item = TokenStream> {
    let private = task.private();
    let of_self = task
        .receiver
        .as_ref()
        .and(task.owner.as_ref())
        .map(|owner| ("self".to_owned(), types::readable(owner)));
    let arguments = task.arguments().map(|parameter| {
        let name = parameter.name.unraw().to_string();
        (name, types::readable(&parameter.written.ty))
    });
    let ignored = |name: &str| {
        let mut ignored = task.options.ignored.iter();
        ignored.any(|ignored| ignored.unraw() == name)
    };
    of_self
        .into_iter()
        .chain(arguments)
        .map(move |(name, type_text)| {
            let is_ignored = ignored(&name);
            quote! {
                #private::Parameter { name: #name, type_text: #type_text, is_ignored: #is_ignored }
            }
        })
}

fn defaults(task: &Task) -> TokenStream {
    let private = task.private();
    let options = &task.options;
    let executors = list(&options.executors);
    let labels = list(&options.labels);
    let retries = optional(options.retries.map(|retries| quote!(#retries)));
    let timeout = optional(options.timeout.map(|timeout| {
        let (seconds, nanoseconds) = (timeout.as_secs(), timeout.subsec_nanos());
        quote!(::core::time::Duration::new(#seconds, #nanoseconds))
    }));
    let priority = options.priority.unwrap_or_default();
    let cache = options.cache;
    let version = optional(options.version.as_ref().map(|version| quote!(#version)));
    let on_loss = optional(options.on_loss.map(|on_loss| match on_loss {
        OnLoss::Repeat => quote!(#private::OnLoss::Repeat),
        OnLoss::Fail => quote!(#private::OnLoss::Fail),
    }));
    quote! {
        #private::TaskDefaults {
            executors: #executors,
            retries: #retries,
            timeout: #timeout,
            labels: #labels,
            priority: #priority,
            cache: #cache,
            version: #version,
            on_loss: #on_loss,
        }
    }
}

fn optional(tokens: Option<TokenStream>) -> TokenStream {
    match tokens {
        Some(tokens) => quote!(::core::option::Option::Some(#tokens)),
        None => quote!(::core::option::Option::None),
    }
}

fn list(texts: &Option<Texts>) -> TokenStream {
    let texts: &[LitStr] = texts.as_ref().map_or(&[], |texts| &texts.texts);
    quote!(&[#(#texts),*])
}
