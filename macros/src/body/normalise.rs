//! Brings what rustfmt may write in one way or another into one form.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Block, Expr, ExprMacro, Item, MacroDelimiter, Member, Pat, ReturnType, Stmt, Token,
    UseTree, parse_quote, token,
};

/// Rewrites a function in place.
pub(super) struct Normalise;

impl VisitMut for Normalise {
    /// Docs say nothing to the compiler, and two derives are as good as one of two.
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        let split = attributes.drain(..).flat_map(|attribute| {
            let paths = if attribute.path().is_ident("derive") {
                let list = Punctuated::<syn::Path, Token![,]>::parse_terminated;
                attribute.parse_args_with(list).ok()
            } else {
                None
            };
            match paths {
                Some(paths) => paths
                    .iter()
                    .map(|path| parse_quote!(#[derive(#path)]))
                    .collect(),
                None => vec![attribute],
            }
        });
        *attributes = split.filter(says_something).collect();
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        visit_mut::visit_block_mut(self, block);
        block.stmts.retain(|statement| !is_empty(statement));
        if let Some((last, others)) = block.stmts.split_last_mut() {
            others.iter_mut().for_each(without_needless_semicolon);
            as_value(last);
        }
        for run in block
            .stmts
            .chunk_by_mut(|one, next| is_import(one) && is_import(next))
        {
            if run.len() > 1 {
                run.sort_by_cached_key(text);
            }
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        visit_mut::visit_arm_mut(self, arm);
        unwrap_block(&mut arm.body);
        arm.comma = Some(<Token![,]>::default());
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut syn::ExprClosure) {
        visit_mut::visit_expr_closure_mut(self, closure);
        closure.inputs.pop_punct();
        // With a return type the braces must be there.
        if matches!(closure.output, ReturnType::Default) {
            unwrap_block(&mut closure.body);
        }
    }

    fn visit_expr_paren_mut(&mut self, outer: &mut syn::ExprParen) {
        visit_mut::visit_expr_paren_mut(self, outer);
        while let Expr::Paren(inner) = &mut *outer.expr
            && inner.attrs.is_empty()
        {
            let inner = std::mem::replace(&mut *inner.expr, Expr::Verbatim(TokenStream::new()));
            *outer.expr = inner;
        }
    }

    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        visit_mut::visit_pat_mut(self, pattern);
        if let Pat::Or(or) = pattern {
            or.leading_vert = None;
            if or.cases.len() == 1
                && let Some(case) = or.cases.pop()
            {
                *pattern = case;
            }
        }
    }

    fn visit_field_value_mut(&mut self, field: &mut syn::FieldValue) {
        visit_mut::visit_field_value_mut(self, field);
        if let (Member::Named(name), Expr::Path(value)) = (&field.member, &field.expr)
            && value.attrs.is_empty()
            && value.qself.is_none()
            && value.path.is_ident(name)
        {
            field.colon_token = None;
        }
    }

    fn visit_use_tree_mut(&mut self, tree: &mut UseTree) {
        visit_mut::visit_use_tree_mut(self, tree);
        match tree {
            UseTree::Rename(rename) if rename.ident == rename.rename => {
                let ident = rename.ident.clone();
                *tree = UseTree::Name(syn::UseName { ident });
            }
            UseTree::Group(group) => {
                let mut items: Vec<_> = std::mem::take(&mut group.items).into_iter().collect();
                items.sort_by_cached_key(text);
                match (items.len(), items.pop()) {
                    (1, Some(only)) if !names_self(&only) => *tree = only,
                    (_, last) => {
                        items.extend(last);
                        group.items.extend(items);
                    }
                }
            }
            _ => {}
        }
    }

    fn visit_macro_mut(&mut self, invocation: &mut syn::Macro) {
        visit_mut::visit_macro_mut(self, invocation);
        let tokens = std::mem::take(&mut invocation.tokens);
        invocation.tokens = arguments(tokens);
        if let Some(last) = invocation.path.segments.last()
            && last.ident == "vec"
        {
            invocation.delimiter = MacroDelimiter::Bracket(token::Bracket::default());
        }
    }

    // A comma at the end of a group is left out by who hashes it, so that where it means something
    // there must be something more than a comma.

    fn visit_expr_tuple_mut(&mut self, tuple: &mut syn::ExprTuple) {
        visit_mut::visit_expr_tuple_mut(self, tuple);
        if tuple.elems.len() == 1 {
            tuple.elems.push(parse_quote!(__one_element));
        }
    }

    fn visit_pat_tuple_mut(&mut self, tuple: &mut syn::PatTuple) {
        visit_mut::visit_pat_tuple_mut(self, tuple);
        if tuple.elems.len() == 1 {
            let marker = quote!(__one_element);
            tuple.elems.push(Pat::Verbatim(marker));
        }
    }

    fn visit_type_tuple_mut(&mut self, tuple: &mut syn::TypeTuple) {
        visit_mut::visit_type_tuple_mut(self, tuple);
        if tuple.elems.len() == 1 {
            tuple.elems.push(parse_quote!(__one_element));
        }
    }

    // These commas stand before something else than the end of a group.

    fn visit_angle_bracketed_generic_arguments_mut(
        &mut self,
        arguments: &mut syn::AngleBracketedGenericArguments,
    ) {
        visit_mut::visit_angle_bracketed_generic_arguments_mut(self, arguments);
        arguments.args.pop_punct();
    }

    fn visit_generics_mut(&mut self, generics: &mut syn::Generics) {
        visit_mut::visit_generics_mut(self, generics);
        generics.params.pop_punct();
    }

    fn visit_bound_lifetimes_mut(&mut self, lifetimes: &mut syn::BoundLifetimes) {
        visit_mut::visit_bound_lifetimes_mut(self, lifetimes);
        lifetimes.lifetimes.pop_punct();
    }

    fn visit_where_clause_mut(&mut self, clause: &mut syn::WhereClause) {
        visit_mut::visit_where_clause_mut(self, clause);
        clause.predicates.pop_punct();
    }
}

/// Whether it may change what the compiler makes of the item.
fn says_something(attribute: &Attribute) -> bool {
    let mut segments = attribute.path().segments.iter();
    let first = segments.next().map(|segment| segment.ident.to_string());
    !matches!(first.as_deref(), Some("doc" | "rustfmt"))
}

fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

/// A semicolon alone.
fn is_empty(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Expr(Expr::Verbatim(tokens), _) if tokens.is_empty())
}

fn is_import(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Item(Item::Use(_)))
}

fn names_self(tree: &UseTree) -> bool {
    match tree {
        UseTree::Name(name) => name.ident == "self",
        UseTree::Rename(rename) => rename.ident == "self",
        _ => false,
    }
}

/// Rustfmt removes the semicolon behind a loop.
fn without_needless_semicolon(statement: &mut Stmt) {
    if let Stmt::Expr(Expr::While(_) | Expr::Loop(_) | Expr::ForLoop(_), semicolon) = statement {
        *semicolon = None;
    }
}

/// The last statement of a block: rustfmt adds a semicolon to one that leaves the block anyway, and
/// removes that of one that gives nothing anyway.
fn as_value(statement: &mut Stmt) {
    match statement {
        // Not so a `loop`, which may have a value.
        Stmt::Expr(
            Expr::Return(_)
            | Expr::Break(_)
            | Expr::Continue(_)
            | Expr::While(_)
            | Expr::ForLoop(_),
            semicolon,
        ) => *semicolon = None,
        Stmt::Macro(invocation) if invocation.semi_token.is_none() => {
            let value = Expr::Macro(ExprMacro {
                attrs: std::mem::take(&mut invocation.attrs),
                mac: invocation.mac.clone(),
            });
            *statement = Stmt::Expr(value, None);
        }
        _ => {}
    }
}

/// `{ value }` as `value`, where rustfmt may write either.
fn unwrap_block(value: &mut Expr) {
    while let Expr::Block(block) = value
        && block.attrs.is_empty()
        && block.label.is_none()
        && let [Stmt::Expr(_, None)] = block.block.stmts.as_slice()
        && let Some(Stmt::Expr(inner, None)) = block.block.stmts.pop()
    {
        *value = inner;
    }
}

/// The arguments of a macro: rustfmt formats them where they read as expressions, and leaves
/// alone what does not.
fn arguments(tokens: TokenStream) -> TokenStream {
    let list = Punctuated::<Expr, Token![,]>::parse_terminated;
    if let Ok(mut list) = list.parse2(tokens.clone()) {
        list.iter_mut()
            .for_each(|value| Normalise.visit_expr_mut(value));
        return quote!(#list);
    }
    let repeat = |input: ParseStream<'_>| {
        let value: Expr = input.parse()?;
        input.parse::<Token![;]>()?;
        Ok((value, input.parse::<Expr>()?))
    };
    if let Ok((mut value, mut length)) = repeat.parse2(tokens.clone()) {
        Normalise.visit_expr_mut(&mut value);
        Normalise.visit_expr_mut(&mut length);
        return quote!(#value; #length);
    }
    unread(tokens)
}

/// Tokens of unknown meaning, where `(x,)` may be a tuple: its comma is doubled, as one is left
/// out.
pub(super) fn unread(tokens: TokenStream) -> TokenStream {
    let tokens = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) => {
            let mut inner = unread(group.stream());
            if group.delimiter() == Delimiter::Parenthesis && is_comma_of_one(&inner) {
                inner.extend(quote!(,));
            }
            TokenTree::Group(Group::new(group.delimiter(), inner))
        }
        other => other,
    });
    tokens.collect()
}

fn is_comma_of_one(tokens: &TokenStream) -> bool {
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    let count = tokens.clone().into_iter().filter(is_comma).count();
    count == 1
        && tokens
            .clone()
            .into_iter()
            .last()
            .is_some_and(|last| is_comma(&last))
}
