//! Writes what `sh!` does: push each piece of the script onto a `String`.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, LitStr, Path, Token};

use super::format::{self, Interpolation, Piece, Style, Value};
use super::lexer::{self, Place, Symbol};
use crate::check;
use crate::expand_task::{local, located, placed};
use crate::report::Report;

/// Writes the expression that gives the script.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let input: Input = match syn::parse2(tokens) {
        Ok(input) => input,
        Err(mistake) => {
            report.add(mistake);
            let mistakes = report.into_tokens();
            // A `String` all the same: the one mistake is the only one to be seen.
            return quote!({ #mistakes ::std::string::String::new() });
        }
    };
    let script = script(&input, &mut report);
    let mistakes = report.into_tokens();
    if mistakes.is_empty() {
        script
    } else {
        quote!({ #mistakes ::std::string::String::new() })
    }
}

/// `sh!("text", argument, name = argument)`, with `crate = path,` before it for a renamed crate.
struct Input {
    runtime: Option<Path>,
    text: LitStr,
    arguments: Vec<Argument>,
}

struct Argument {
    name: Option<Ident>,
    value: Expr,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut runtime = None;
        if input.peek(Token![crate]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            runtime = Some(input.call(Path::parse_mod_style)?);
            input.parse::<Token![,]>()?;
        }
        let text = input.parse().map_err(|mistake| {
            syn::Error::new(
                mistake.span(),
                "`sh!` takes the script as a text in quotes, \
                 since it checks where each interpolation stands: `sh!(\"cp {from} {to}\")`",
            )
        })?;
        let mut arguments = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let name = if input.peek(Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
                let name = input.parse()?;
                input.parse::<Token![=]>()?;
                Some(name)
            } else {
                None
            };
            arguments.push(Argument {
                name,
                value: input.parse()?,
            });
        }
        Ok(Self {
            runtime,
            text,
            arguments,
        })
    }
}

/// The arguments, and which of them the text takes.
struct Arguments<'a> {
    all: &'a [Argument],
    used: Vec<bool>,
    next: usize,
}

fn script(input: &Input, report: &mut Report) -> TokenStream {
    let pieces = match format::parse(&input.text.value()) {
        Ok(pieces) => pieces,
        Err(message) => {
            report.at(&input.text, message);
            return TokenStream::new();
        }
    };
    check_places(&pieces, &input.text, report);

    let mut arguments = Arguments {
        all: &input.arguments,
        used: vec![false; input.arguments.len()],
        next: 0,
    };
    let runtime = check::runtime(&input.runtime);
    let shell = placed(
        quote!(#runtime::__private::shell),
        located(input.text.span()),
    );
    let script = local("script");
    let mut pushes = Vec::new();
    let mut length = 0;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(text) => {
                length += text.len();
                pushes.push(quote!(#script.push_str(#text);));
            }
            Piece::Interpolation(interpolation) => {
                pushes.extend(arguments.push(interpolation, &input.text, &shell, report));
                if digits_would_name_a_descriptor(interpolation, pieces.get(index + 1)) {
                    pushes.push(quote!(#script.push(' ');));
                }
            }
        }
    }
    arguments.refuse_unused(report);

    let names = (0..input.arguments.len()).map(|index| arguments.name(index));
    let values = input.arguments.iter().map(|argument| &argument.value);
    quote! {
        match (#(&(#values),)*) {
            (#(#names,)*) => {
                let mut #script = ::std::string::String::with_capacity(#length);
                #(#pushes)*
                #script
            }
        }
    }
}

/// `{n}>file` puts the number right before the `>`, where the shell would read it as the number of
/// a file descriptor.
fn digits_would_name_a_descriptor(put: &Interpolation, next: Option<&Piece>) -> bool {
    let redirects = matches!(next, Some(Piece::Text(text)) if text.starts_with(['<', '>']));
    redirects && put.style != Style::Raw
}

fn check_places(pieces: &[Piece], text: &LitStr, report: &mut Report) {
    let mut symbols = Vec::new();
    let mut put = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => symbols.extend(text.chars().map(Symbol::Character)),
            Piece::Interpolation(interpolation) => {
                symbols.push(Symbol::Interpolation);
                put.push(interpolation);
            }
        }
    }
    for (interpolation, place) in put.iter().zip(lexer::places(&symbols)) {
        if interpolation.style == Style::Raw {
            continue;
        }
        if let Some(message) = refusal(interpolation, place) {
            report.at(text, message);
        }
    }
}

fn refusal(interpolation: &Interpolation, place: Place) -> Option<String> {
    let written = &interpolation.written;
    let inside = &written[1..written.len() - 1];
    let expression = match &interpolation.value {
        Value::Next => String::new(),
        Value::Position(position) => position.to_string(),
        Value::Expression(expression) => expression.clone(),
    };
    let raw = format!("`{{{expression}:raw}}` to insert text as it is");
    Some(match place {
        Place::Bare => return None,
        Place::Quotes => format!(
            "`{written}` is quoted already: write {written} without quotes around it, or {raw}"
        ),
        Place::Backticks => format!(
            "`{written}` stands in backticks, which undo its quotes: write `$(...)` instead of \
             the backticks, or {raw}"
        ),
        Place::AfterDollar => format!(
            "`${written}` is the value of a Rust expression behind a `$`, which changes its \
             quotes: for the shell's own variable write `${{{{{inside}}}}}`, for the value remove \
             the `$`"
        ),
        Place::AfterBackslash => format!(
            "the backslash before `{written}` undoes its quotes: remove the backslash, \
             or write two for a backslash of its own"
        ),
        Place::Arithmetic => format!(
            "`{written}` stands in arithmetic, where quotes mean nothing and what is in them is \
             run: put it in a variable first (`n={written}; echo $((n + 1))`), or write {raw}, \
             which is safe for a number"
        ),
        Place::Comment => format!(
            "`{written}` stands in a comment, which a line break in the value would end: \
             remove it, or write {raw}"
        ),
        Place::HereDocument => format!(
            "`{written}` stands in a here-document, where quotes are text: write {raw}, \
             or pass it as a word (`printf '%s\\n' {written}`)"
        ),
    })
}

impl Arguments<'_> {
    /// The name that an argument is bound to: its own, or one that nobody else has.
    fn name(&self, index: usize) -> Ident {
        self.all
            .get(index)
            .and_then(|argument| argument.name.clone())
            .unwrap_or_else(|| local(&format!("argument_{index}")))
    }

    fn push(
        &mut self,
        interpolation: &Interpolation,
        text: &LitStr,
        shell: &TokenStream,
        report: &mut Report,
    ) -> Option<TokenStream> {
        let value = self.value(interpolation, text, report)?;
        let script = local("script");
        let span = located(text.span());
        Some(match &interpolation.style {
            Style::Words => quote_spanned!(span=> #shell::word(&mut #script, #value);),
            Style::Raw => quote_spanned!(span=> #shell::raw(&mut #script, #value);),
            Style::Formatted(style) => {
                let (style, taken) = self.style(interpolation, style, text, report)?;
                let style = LitStr::new(&style, text.span());
                quote! {
                    #shell::formatted(&mut #script, ::core::format_args!(#style, #value, #taken));
                }
            }
        })
    }

    /// What is put in, as a reference.
    fn value(
        &mut self,
        interpolation: &Interpolation,
        text: &LitStr,
        report: &mut Report,
    ) -> Option<TokenStream> {
        let position = match &interpolation.value {
            Value::Next => {
                self.next += 1;
                self.next - 1
            }
            Value::Position(position) => *position,
            Value::Expression(expression) => {
                let written = &interpolation.written;
                let parsed = LitStr::new(expression, text.span()).parse::<Expr>();
                let Some(expression) = parsed.ok().filter(can_be_put_in) else {
                    report.at(
                        text,
                        format!(
                            "`{written}` is no name, field, index or call: \
                             for the shell's own braces write `{{{written}}}`; \
                             give another expression as an argument, as in `sh!(\"{{}}\", a + b)`"
                        ),
                    );
                    return None;
                };
                self.use_names_in(&expression.to_token_stream());
                return Some(quote_spanned!(located(text.span())=> &(#expression)));
            }
        };
        self.at_position(position, &interpolation.written, text, report)
            .map(|name| name.into_token_stream())
    }

    fn at_position(
        &mut self,
        position: usize,
        written: &str,
        text: &LitStr,
        report: &mut Report,
    ) -> Option<Ident> {
        match self.used.get_mut(position) {
            Some(used) => {
                *used = true;
                Some(self.name(position))
            }
            None => {
                report.at(
                    text,
                    format!(
                        "`{written}` takes argument {position}, counted from 0, and there {} {}: \
                         for the shell's own braces write `{{{written}}}`",
                        if self.all.len() == 1 { "is" } else { "are" },
                        self.all.len()
                    ),
                );
                None
            }
        }
    }

    fn use_names_in(&mut self, tokens: &TokenStream) {
        for token in tokens.clone() {
            match token {
                TokenTree::Ident(ident) => {
                    for (argument, used) in self.all.iter().zip(&mut self.used) {
                        *used |= argument.name.as_ref().is_some_and(|name| ident == *name);
                    }
                }
                TokenTree::Group(group) => self.use_names_in(&group.stream()),
                _ => {}
            }
        }
    }

    /// The style for `format_args!`, and what it takes besides the value: its names are given
    /// anew, since the positions are other ones there.
    fn style(
        &mut self,
        interpolation: &Interpolation,
        style: &str,
        text: &LitStr,
        report: &mut Report,
    ) -> Option<(String, TokenStream)> {
        if style.contains(".*") {
            report.at(
                text,
                format!(
                    "`{}` takes its precision from the arguments: name it, as in `.digits$`",
                    interpolation.written
                ),
            );
            return None;
        }
        let mut rewritten = style.to_owned();
        let mut taken = TokenStream::new();
        let names: std::collections::BTreeSet<_> =
            format::names_in_style(style).into_iter().collect();
        for name in names {
            if let Ok(position) = name.parse() {
                let value = self.at_position(position, &interpolation.written, text, report)?;
                let alias = format_ident!("argument_{position}");
                rewritten = rewritten.replace(&format!("{name}$"), &format!("{alias}$"));
                taken.extend(quote!(#alias = *#value,));
            } else if let Ok(name) = syn::parse_str::<Ident>(name) {
                let name = Ident::new(&name.to_string(), text.span());
                self.use_names_in(&name.to_token_stream());
                let is_argument = self
                    .all
                    .iter()
                    .any(|argument| argument.name.as_ref() == Some(&name));
                let reference = is_argument.then(|| quote!(*));
                taken.extend(quote!(#name = #reference #name,));
            }
        }
        Some((format!("{{:{rewritten}}}"), taken))
    }

    fn refuse_unused(&self, report: &mut Report) {
        for (argument, used) in self.all.iter().zip(&self.used) {
            if !used {
                report.at(
                    &argument.value,
                    "this argument is never put into the script: remove it, or write its `{}`",
                );
            }
        }
    }
}

/// What reads well within a text: anything else is an argument.
fn can_be_put_in(expression: &Expr) -> bool {
    match expression {
        Expr::Path(_) | Expr::Macro(_) => true,
        Expr::Field(field) => can_be_put_in(&field.base),
        Expr::Index(index) => can_be_put_in(&index.expr),
        Expr::MethodCall(call) => can_be_put_in(&call.receiver),
        Expr::Call(call) => can_be_put_in(&call.func),
        Expr::Try(tried) => can_be_put_in(&tried.expr),
        Expr::Await(awaited) => can_be_put_in(&awaited.base),
        Expr::Reference(reference) => can_be_put_in(&reference.expr),
        Expr::Unary(unary) => can_be_put_in(&unary.expr),
        Expr::Paren(paren) => can_be_put_in(&paren.expr),
        _ => false,
    }
}
