//! `#[main]` and `#[test]`: the function that the runtime starts with a workflow.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{FnArg, Ident, ReturnType, Signature, Type};

use crate::check::{self, NotGeneric};
use crate::expand_task::located;
use crate::model::Function;
use crate::options::MainOptions;
use crate::report::Report;
use crate::types;

/// Which of the two it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Main,
    Test,
}

impl Start {
    fn attribute(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Test => "test",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Main => "main function",
            Self::Test => "test",
        }
    }
}

/// Writes the function that the compiler or the test harness calls.
pub(crate) fn expand(start: Start, options: TokenStream, item: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let options = MainOptions::parse(start.attribute(), options, &mut report);
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(mistake) => {
            report.add(crate::entry::explain(mistake, &item, start.attribute()));
            let mistakes = report.into_tokens();
            return quote!(#item #mistakes);
        }
    };
    let written = if check_signature(start, &function.signature, &mut report) {
        write(start, &options, &function)
    } else {
        known(start, &function)
    };
    let mistakes = report.into_tokens();
    quote!(#written #mistakes)
}

fn check_signature(start: Start, signature: &Signature, report: &mut Report) -> bool {
    let what = start.what();
    let mut good = check::plain(signature, what, report);
    good &= check::generics(&signature.generics, NotGeneric::Start, report);
    if start == Start::Main && signature.ident != "main" {
        good = false;
        report.at(
            &signature.ident,
            format!(
                "`#[main]` stands on the program's `fn main`: rename `{}`, or remove the attribute",
                signature.ident
            ),
        );
    }
    let mut inputs = signature.inputs.iter();
    if let Some(input) = inputs.next() {
        good &= check_workflow(what, input, report);
    }
    for surplus in inputs {
        good = false;
        report.at(
            surplus,
            format!("a {what} takes `workflow: Workflow` or nothing: remove this parameter"),
        );
    }
    good
}

fn check_workflow(what: &str, input: &FnArg, report: &mut Report) -> bool {
    match input {
        FnArg::Typed(written) if types::is_named(&written.ty, "Workflow") => return true,
        FnArg::Typed(written) => {
            let message = match types::bare(&written.ty) {
                Type::Reference(reference) if types::is_named(&reference.elem, "Workflow") => {
                    format!("a {what} owns its workflow: take `workflow: Workflow`")
                }
                _ => format!("a {what} takes `workflow: Workflow` or nothing"),
            };
            report.at(&written.ty, message);
        }
        FnArg::Receiver(receiver) => report.at(
            receiver,
            format!("a {what} is no method: it takes `workflow: Workflow` or nothing"),
        ),
    }
    false
}

/// The function as it was, for an editor to know, where it cannot be started.
fn known(start: Start, function: &Function) -> TokenStream {
    if start == Start::Test || function.signature.ident != "main" {
        return quote!(#function);
    }
    // The compiler has rules of its own for `main`: it would report the same mistakes again.
    let mut renamed = function.clone();
    renamed.signature.ident = body_name(&function.signature);
    quote! {
        #[allow(dead_code, reason = "the mistakes reported keep it from being called")]
        #renamed
        fn main() {}
    }
}

fn body_name(signature: &Signature) -> Ident {
    format_ident!(
        "__chiltepin_{}",
        signature.ident.unraw(),
        span = Span::call_site()
    )
}

fn write(start: Start, options: &MainOptions, function: &Function) -> TokenStream {
    let Function {
        attributes,
        visibility,
        signature,
        block,
    } = function;
    let Signature {
        asyncness,
        ident,
        inputs,
        output,
        generics,
        ..
    } = signature;
    let where_clause = &generics.where_clause;
    let runtime = check::runtime(&options.runtime);
    let private = quote!(#runtime::__private);
    let body = body_name(signature);
    let config = match &options.config {
        Some(config) => quote!(::core::option::Option::Some(#config)),
        None => quote!(::core::option::Option::None),
    };
    let run = match (start, asyncness.is_some()) {
        (Start::Main, true) => quote!(run_main),
        (Start::Main, false) => quote!(run_main_blocking),
        (Start::Test, true) => quote!(run_test),
        (Start::Test, false) => quote!(run_test_blocking),
    };
    let span = match output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => ident.span(),
    };
    let run = quote_spanned!(located(span)=> #private::#run);
    let main = if inputs.is_empty() {
        quote!(|_| #body())
    } else {
        quote!(#body)
    };
    let (test, returned, path) = match start {
        Start::Main => (
            None,
            quote!(-> ::std::process::ExitCode),
            quote!(::core::option::Option::None),
        ),
        Start::Test => {
            // As the test harness names it, by which a worker process is started at this test.
            let name = ident.to_string();
            (
                Some(quote!(#[::core::prelude::v1::test])),
                quote!(#output),
                quote!(::core::option::Option::Some(::core::concat!(
                    ::core::module_path!(), "::", #name
                ))),
            )
        }
    };
    quote! {
        #test
        #(#attributes)*
        #visibility fn #ident() #returned {
            #asyncness fn #body(#inputs) #output #where_clause #block
            #run(#private::MainOptions { config: #config, test: #path }, #main)
        }
    }
}
