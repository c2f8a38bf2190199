//! Questions about a type, as it is written.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::visit::Visit;
use syn::{GenericArgument, Lifetime, PathArguments, PathSegment, Type, TypeReference};

/// The type without the parentheses and invisible groups around it.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

/// The last segment of a path: `Result<T>` of `io::Result<T>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// Whether the last segment of the type is `name`.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// Whether the name of the type says that it is a result.
pub(crate) fn is_result_by_name(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident.to_string().ends_with("Result"))
}

/// The type arguments of the last segment, in order: `T` and `E` of `Result<T, E>`.
pub(crate) fn type_arguments(ty: &Type) -> Vec<&Type> {
    let Some(PathArguments::AngleBracketed(arguments)) =
        last_segment(ty).map(|segment| &segment.arguments)
    else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// The one type argument of `name<T>`.
pub(crate) fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    match type_arguments(ty).as_slice() {
        [argument] if is_named(ty, name) => Some(argument),
        _ => None,
    }
}

/// What a type borrows: the first reference or lifetime in it that is not `'static`.
pub(crate) enum Borrow {
    Reference(TypeReference),
    Lifetime(Lifetime),
}

/// Finds what a type borrows; a `&'static` reference counts too where `statics` are refused.
pub(crate) fn borrow(ty: &Type, statics: Statics) -> Option<Borrow> {
    let mut search = Search {
        statics,
        found: None,
    };
    search.visit_type(ty);
    search.found
}

/// What is made of `&'static` references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statics {
    /// They borrow from nothing that ends.
    Kept,
    /// They cannot be read back from bytes.
    Refused,
}

struct Search {
    statics: Statics,
    found: Option<Borrow>,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let lasts = reference
            .lifetime
            .as_ref()
            .is_some_and(|lifetime| lifetime.ident == "static");
        if self.found.is_none() && (!lasts || self.statics == Statics::Refused) {
            self.found = Some(Borrow::Reference(reference.clone()));
        }
        syn::visit::visit_type_reference(self, reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if self.found.is_none() && lifetime.ident != "static" {
            self.found = Some(Borrow::Lifetime(lifetime.clone()));
        }
    }

    // The lifetimes of a function pointer's own parameters borrow from no argument.
    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
}

/// The owned type that stands for a reference, and what a caller may still pass.
pub(crate) fn owned(reference: &TypeReference) -> TokenStream {
    let elem = bare(&reference.elem);
    match elem {
        Type::Slice(slice) => {
            let elem = &slice.elem;
            quote!(Vec<#elem>)
        }
        _ if is_named(elem, "str") => quote!(String),
        _ if is_named(elem, "Path") => quote!(PathBuf),
        _ if is_named(elem, "OsStr") => quote!(OsString),
        other => quote!(#other),
    }
}

/// The type as a person writes it: tokens are printed with spaces that no person would put.
pub(crate) fn readable(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        (" >", ">"),
        ("> >", ">>"),
        (" ,", ","),
        ("& ", "&"),
        (" ;", ";"),
        ("[ ", "["),
        (" ]", "]"),
        ("( ", "("),
        (" )", ")"),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}

/// The type with `Self` written out, for the items within a method, where `Self` has no meaning.
pub(crate) fn without_self(tokens: TokenStream, owner: &Type) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut written_out = TokenStream::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                // A type before `::` must be a plain path or stand in `<>`.
                let path_follows = matches!(
                    tokens.peek(),
                    Some(TokenTree::Punct(punct)) if punct.as_char() == ':'
                );
                written_out.extend(if path_follows {
                    quote!(<#owner>)
                } else {
                    quote!(#owner)
                });
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_self(group.stream(), owner));
                inner.set_span(group.span());
                written_out.extend([TokenTree::Group(inner)]);
            }
            other => written_out.extend([other]),
        }
    }
    written_out
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn names_and_arguments_are_those_of_the_last_segment() {
        let ty: Type = parse_quote!((std::result::Result<Vec<u8>, io::Error>));
        assert!(is_named(&ty, "Result"));
        assert_eq!(type_arguments(&ty).len(), 2);
        assert!(is_result_by_name(&parse_quote!(loading::LoadResult<Table>)));
        assert!(!is_result_by_name(&parse_quote!(Results)));
        let future: Type = parse_quote!(chiltepin::AppFuture<i64>);
        assert_eq!(
            argument_of(&future, "AppFuture").map(readable),
            Some("i64".to_owned())
        );
        assert!(argument_of(&future, "Vec").is_none());
    }

    #[test]
    fn borrows_are_found_at_any_depth() {
        let finds = |ty: Type, statics| borrow(&ty, statics).is_some();
        assert!(finds(parse_quote!(Vec<Option<&str>>), Statics::Kept));
        assert!(finds(parse_quote!(Cow<'_, str>), Statics::Kept));
        assert!(finds(parse_quote!(&'static [&str]), Statics::Kept));
        assert!(finds(parse_quote!(&'static str), Statics::Refused));
        assert!(!finds(parse_quote!(&'static str), Statics::Kept));
        assert!(!finds(parse_quote!(Cow<'static, str>), Statics::Refused));
        assert!(!finds(parse_quote!(fn(&str) -> u8), Statics::Refused));
    }

    #[test]
    fn the_owned_type_of_a_reference_is_the_one_to_write_instead() {
        let owned_text = |ty: Type| match ty {
            Type::Reference(reference) => readable(owned(&reference)),
            _ => String::new(),
        };
        assert_eq!(owned_text(parse_quote!(&str)), "String");
        assert_eq!(owned_text(parse_quote!(&std::path::Path)), "PathBuf");
        assert_eq!(
            owned_text(parse_quote!(&[HashMap<String, f64>])),
            "Vec<HashMap<String, f64>>"
        );
        assert_eq!(owned_text(parse_quote!(&mut Table)), "Table");
    }

    #[test]
    fn self_is_written_out_within_methods() {
        let owner: Type = parse_quote!(model::Grid<f64>);
        let written = |tokens| readable(without_self(tokens, &owner));
        assert_eq!(written(quote!(Vec<Self>)), "Vec<model::Grid<f64>>");
        assert_eq!(written(quote!((Self, u8))), "(model::Grid<f64>, u8)");
        assert_eq!(
            written(quote!(Self::Cell)).replace(' ', ""),
            "<model::Grid<f64>>::Cell"
        );
    }
}
