//! `#[tasks]`: the methods of an impl block that are tasks.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, ImplItem, ImplItemFn, ItemImpl, Meta, Path};

use crate::check;
use crate::expand_task;
use crate::model::{Function, Kind, Place};
use crate::options::{TaskOptions, TasksOptions};
use crate::report::Report;

/// Writes the block again, with its tasks in place of the methods they were.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let options = TasksOptions::parse(options, &mut report);
    let mut block: ItemImpl = match syn::parse2(item.clone()) {
        Ok(block) => block,
        Err(mistake) => {
            report.add(explain(mistake, &item));
            let mistakes = report.into_tokens();
            return quote!(#item #mistakes);
        }
    };
    let expandable = check::impl_block(&block, &mut report);
    let items = std::mem::take(&mut block.items);
    let mut found = false;
    for item in items {
        let item = match item {
            ImplItem::Fn(mut method) => match take_attribute(&mut method) {
                Some((kind, attribute)) => {
                    found = true;
                    let written = task(
                        kind,
                        &attribute,
                        method,
                        &options.runtime,
                        &block,
                        &mut report,
                    );
                    ImplItem::Verbatim(if expandable {
                        written.task
                    } else {
                        written.method
                    })
                }
                None => ImplItem::Fn(method),
            },
            other => other,
        };
        block.items.push(item);
    }
    if !found {
        report.at(
            block.impl_token,
            "no method of this block is a task: put `#[task]`, `#[bash_task]` or `#[join_task]` \
             on one, or remove `#[tasks]`",
        );
    }
    let mistakes = report.into_tokens();
    quote!(#block #mistakes)
}

struct Written {
    task: TokenStream,
    method: TokenStream,
}

fn task(
    kind: Kind,
    attribute: &Attribute,
    method: ImplItemFn,
    runtime: &Option<Path>,
    block: &ItemImpl,
    report: &mut Report,
) -> Written {
    let original = quote!(#method);
    let tokens = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) => TokenStream::new(),
        _ => {
            let name = kind.attribute();
            report.at(
                attribute,
                format!("options stand in parentheses: `#[{name}(retries = 2)]`"),
            );
            TokenStream::new()
        }
    };
    let mut options = TaskOptions::parse(kind.attribute(), tokens, report);
    if options.runtime.is_none() {
        options.runtime.clone_from(runtime);
    }
    let task = check::task(
        Function::from(method),
        kind,
        options,
        Place::Method(block),
        report,
    )
    .map_or_else(|| original.clone(), |task| expand_task::expand(&task));
    Written {
        task,
        method: original,
    }
}

/// Takes the first attribute that makes the method a task; a second one is refused later.
fn take_attribute(method: &mut ImplItemFn) -> Option<(Kind, Attribute)> {
    let position = method
        .attrs
        .iter()
        .position(|attribute| Kind::of(attribute.path()).is_some())?;
    let attribute = method.attrs.remove(position);
    Kind::of(attribute.path()).map(|kind| (kind, attribute))
}

fn explain(mistake: syn::Error, item: &TokenStream) -> syn::Error {
    let is_impl = item
        .clone()
        .into_iter()
        .any(|token| token.to_string() == "impl");
    if is_impl {
        return mistake;
    }
    syn::Error::new(
        mistake.span(),
        "`#[tasks]` stands on an impl block, whose methods are the tasks; \
         on a function write `#[task]`, `#[bash_task]` or `#[join_task]`",
    )
}
