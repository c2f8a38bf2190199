//! What a task macro was given, as parsed and as checked.
//!
//! ```text
//!   tokens ──parse──► Function ──check──► Task ──expand──► tokens
//! ```

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Ident, ImplItemFn, ItemImpl, PatType, Path, Receiver, Signature, Type, Visibility,
    WhereClause,
};

use crate::options::TaskOptions;
use quote::ToTokens;

/// A function as it is written, its body unread: what stands in it is the compiler's affair, and
/// an editor's unfinished line there must not hide the function.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) block: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature: Signature = input.parse()?;
        let block = input.parse::<TokenStream>()?;
        let is_block = match block.clone().into_iter().collect::<Vec<_>>().as_slice() {
            [TokenTree::Group(group)] => group.delimiter() == proc_macro2::Delimiter::Brace,
            _ => false,
        };
        if !is_block {
            return Err(syn::Error::new_spanned(
                &signature.ident,
                format!(
                    "`{}` has no body: a trait's declaration cannot be a task; \
                     write the task beside it and call that from the trait's method",
                    signature.ident
                ),
            ));
        }
        Ok(Self {
            attributes,
            visibility,
            signature,
            block,
        })
    }
}

impl From<ImplItemFn> for Function {
    fn from(method: ImplItemFn) -> Self {
        Self {
            attributes: method.attrs,
            visibility: method.vis,
            signature: method.sig,
            block: method.block.into_token_stream(),
        }
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attribute in &self.attributes {
            attribute.to_tokens(tokens);
        }
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.block.to_tokens(tokens);
    }
}

/// Which of the three macros made the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `#[task]`
    Function,
    /// `#[bash_task]`
    Command,
    /// `#[join_task]`
    Join,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Function, Self::Command, Self::Join];

    /// The name of the attribute.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Function => "task",
            Self::Command => "bash_task",
            Self::Join => "join_task",
        }
    }

    /// The kind whose attribute stands at this path, by its last segment.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let last = &path.segments.last()?.ident;
        Self::ALL.into_iter().find(|kind| last == kind.attribute())
    }
}

/// Where a task is written.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// At the attribute itself, outside of `#[tasks]`.
    Bare,
    /// In an impl block under `#[tasks]`.
    Method(&'a ItemImpl),
}

/// A task that can be expanded.
pub(crate) struct Task {
    pub(crate) kind: Kind,
    pub(crate) options: TaskOptions,
    /// The path of the runtime crate.
    pub(crate) runtime: TokenStream,
    /// The type that a method belongs to.
    pub(crate) owner: Option<Type>,
    /// What describes the task to those who call it: docs, conditions, lints.
    pub(crate) outer_attributes: Vec<Attribute>,
    /// What is about the body: `#[inline]`, other macros.
    pub(crate) body_attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) is_async: bool,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: Returns,
    pub(crate) where_clause: Option<WhereClause>,
    pub(crate) block: TokenStream,
}

/// A parameter after `self`.
pub(crate) struct Parameter {
    pub(crate) source: Source,
    pub(crate) name: Ident,
    /// The parameter as written, for the body.
    pub(crate) written: PatType,
}

/// Where the value of a parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The caller.
    Argument,
    /// The framework: `&TaskContext`.
    Context,
    /// The framework: `&Workflow`.
    Workflow,
}

/// What the body returns.
pub(crate) struct Returns {
    /// The type as written; `None` for nothing.
    pub(crate) written: Option<Type>,
    /// Whether it is a result.
    pub(crate) outcome: Outcome,
    /// Where it is written.
    pub(crate) span: Span,
}

/// Whether a return type is a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is: by its name, or because the attribute says so.
    Fallible,
    /// It is not, going by its name; the compiler is asked too.
    Infallible,
    /// The attribute says that it is not.
    DeclaredInfallible,
}
