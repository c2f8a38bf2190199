//! The attributes on a function: parse, check, expand, with every mistake reported at once.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::check;
use crate::expand_task;
use crate::model::{Function, Kind, Place};
use crate::options::TaskOptions;
use crate::report::Report;

/// Expands one of the three task attributes.
///
/// Where the function cannot be a task it is written again as it was, beside the mistakes, so
/// that an editor still knows it.
pub(crate) fn task(kind: Kind, options: TokenStream, item: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let options = TaskOptions::parse(kind.attribute(), options, &mut report);
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(mistake) => {
            report.add(explain(mistake, &item, kind.attribute()));
            let mistakes = report.into_tokens();
            return quote!(#item #mistakes);
        }
    };
    let original = quote!(#function);
    let written = check::task(function, kind, options, Place::Bare, &mut report)
        .map_or(original, |task| expand_task::expand(&task));
    let mistakes = report.into_tokens();
    quote!(#written #mistakes)
}

/// What the parser could not read as a function: says what the attribute is for, where the item
/// is something else.
pub(crate) fn explain(mistake: syn::Error, item: &TokenStream, attribute: &str) -> syn::Error {
    let keyword = item.clone().into_iter().find_map(|token| match token {
        TokenTree::Ident(ident)
            if [
                "fn", "impl", "struct", "enum", "trait", "mod", "use", "const", "static", "type",
            ]
            .iter()
            .any(|keyword| ident == keyword) =>
        {
            Some(ident)
        }
        _ => None,
    });
    match keyword {
        Some(keyword) if keyword == "impl" => syn::Error::new(
            keyword.span(),
            format!(
                "`#[{attribute}]` stands on a function: put `#[chiltepin::tasks]` on the impl \
                 block, and `#[{attribute}]` on its methods"
            ),
        ),
        Some(keyword) if keyword != "fn" && keyword != "const" => syn::Error::new(
            keyword.span(),
            format!("`#[{attribute}]` stands on a function, not on a `{keyword}`"),
        ),
        _ => mistake,
    }
}
