//! The mistakes found in one item, reported together.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Collects mistakes, each at the token it is about.
#[derive(Debug, Default)]
pub(crate) struct Report {
    mistakes: Option<syn::Error>,
}

impl Report {
    /// Reports a mistake that is about `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake at one place.
    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.add(syn::Error::new(span, message));
    }

    /// Reports what the parser refused.
    pub(crate) fn add(&mut self, mistake: syn::Error) {
        match &mut self.mistakes {
            Some(mistakes) => mistakes.combine(mistake),
            none => *none = Some(mistake),
        }
    }

    /// Keeps a value, or reports why there is none.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|mistake| self.add(mistake)).ok()
    }

    /// The mistakes as `compile_error!` items; nothing where there are none.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.mistakes
            .map(syn::Error::into_compile_error)
            .unwrap_or_default()
    }

    /// Each message on its own, in the order of reporting.
    #[cfg(test)]
    pub(crate) fn messages(self) -> Vec<String> {
        self.mistakes
            .into_iter()
            .flatten()
            .map(|mistake| mistake.to_string())
            .collect()
    }
}
