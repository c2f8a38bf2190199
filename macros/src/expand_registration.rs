//! Writes what a task is known by at run time: its name, its place, its attribute's defaults.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::LitStr;
use syn::ext::IdentExt as _;

use crate::model::{Kind, Task};
use crate::options::Texts;

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
    quote! {
        struct __ChiltepinHere;
        static __CHILTEPIN_TASK: #private::TaskInfo = #private::TaskInfo {
            type_name: || ::core::any::type_name::<__ChiltepinHere>(),
            function: #function,
            name: #name,
            kind: #private::TaskKind::#kind,
            location: #private::Location { #location },
            defaults: #defaults,
        };
        #private::inventory::submit! {
            #private::Registration(&__CHILTEPIN_TASK)
        }
    }
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
    quote! {
        #private::TaskDefaults {
            executors: #executors,
            retries: #retries,
            timeout: #timeout,
            labels: #labels,
            priority: #priority,
            cache: #cache,
            version: #version,
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
