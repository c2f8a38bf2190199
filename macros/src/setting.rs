//! One option of an attribute, and what it may be set to.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Ident, Lit, LitBool, LitStr, Path, Token, token};

use crate::duration;
use crate::nearest::nearest;
use crate::options::Texts;
use crate::report::Report;

/// An option as it was written: `key`, `key = value`, or `key(names)` where it is one of [`LISTS`].
pub(crate) struct Setting {
    key: Ident,
    value: Option<TokenStream>,
    names: Option<TokenStream>,
}

/// The options that take names in parentheses.
const LISTS: [&str; 1] = ["ignore"];

/// Reads the options of an attribute, and reports the unknown, the repeated and the malformed.
pub(crate) fn settings(
    attribute: &str,
    tokens: TokenStream,
    known: &[&str],
    report: &mut Report,
) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    for tokens in split_at_commas(tokens) {
        let Some(setting) = report.keep(Setting::parse.parse2(tokens)) else {
            continue;
        };
        let name = setting.name();
        if !known.contains(&name.as_str()) {
            report.at(&setting.key, unknown(attribute, &name, known));
        } else if settings.iter().any(|earlier| earlier.key == setting.key) {
            report.at(
                &setting.key,
                format!("option `{name}` is given twice: remove one"),
            );
        } else {
            settings.push(setting);
        }
    }
    settings
}

/// Options are parsed one by one, so that a mistake in one does not hide those in the next.
fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => {
                parts.push(TokenStream::new());
            }
            (_, Some(part)) => part.extend([token]),
            (_, None) => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn unknown(attribute: &str, name: &str, known: &[&str]) -> String {
    let suggestion = nearest(name, known)
        .map(|nearest| format!(": did you mean `{nearest}`? The options are"))
        .unwrap_or_else(|| "; the options are".to_owned());
    let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    format!(
        "unknown option `{name}` of `#[{attribute}]`{suggestion} {}",
        known.join(", ")
    )
}

impl Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        if input.is_empty() {
            return Ok(Self {
                key,
                value: None,
                names: None,
            });
        }
        if input.peek(token::Paren) && LISTS.iter().any(|name| key == name) {
            let names;
            syn::parenthesized!(names in input);
            let names = Some(names.parse()?);
            return Ok(Self {
                key,
                value: None,
                names,
            });
        }
        if !input.peek(Token![=]) {
            return Err(input.error(format!("expected `{key} = ...` or a comma after `{key}`")));
        }
        input.parse::<Token![=]>()?;
        if input.is_empty() {
            return Err(syn::Error::new_spanned(
                &key,
                format!("option `{key}` has no value after the `=`"),
            ));
        }
        Ok(Self {
            key,
            value: Some(input.parse()?),
            names: None,
        })
    }

    pub(crate) fn key(&self) -> &Ident {
        &self.key
    }

    pub(crate) fn name(&self) -> String {
        self.key.to_string()
    }

    fn refuse(&self, takes: impl Display, report: &mut Report) {
        let message = format!("option `{}` takes {takes}", self.key);
        match self.value.as_ref().or(self.names.as_ref()) {
            Some(value) => report.at(value, message),
            None => report.at(&self.key, message),
        }
    }

    fn literal(&self) -> Option<Lit> {
        self.value.clone().and_then(|value| syn::parse2(value).ok())
    }

    /// A text: `key = "text"`.
    pub(crate) fn text(&self, report: &mut Report) -> Option<LitStr> {
        match self.literal() {
            Some(Lit::Str(text)) if !text.value().trim().is_empty() => Some(text),
            _ => {
                self.refuse(
                    format_args!("a text, as in `{} = \"...\"`", self.key),
                    report,
                );
                None
            }
        }
    }

    /// One of a few texts: `key = "text"`.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)], report: &mut Report) -> Option<T> {
        let chosen = match self.literal() {
            Some(Lit::Str(text)) => {
                let text = text.value();
                choices.iter().find(|(name, _)| *name == text)
            }
            _ => None,
        };
        if chosen.is_none() {
            let names: Vec<_> = choices
                .iter()
                .map(|(name, _)| format!("`\"{name}\"`"))
                .collect();
            self.refuse(names.join(" or "), report);
        }
        chosen.map(|&(_, value)| value)
    }

    /// One text or several: `key = "text"`, `key = ["one", "other"]`.
    pub(crate) fn texts(&self, report: &mut Report) -> Option<Texts> {
        let takes = format!(
            "a text or a list of texts, as in `{0} = \"...\"` or `{0} = [\"...\", \"...\"]`",
            self.key
        );
        let list = |input: ParseStream<'_>| {
            let content;
            syn::bracketed!(content in input);
            Punctuated::<LitStr, Token![,]>::parse_terminated(&content)
        };
        let texts: Vec<_> = match (self.literal(), self.value.clone()) {
            (Some(Lit::Str(text)), _) => vec![text],
            (None, Some(value)) => match list.parse2(value) {
                Ok(texts) => texts.into_iter().collect(),
                Err(_) => {
                    self.refuse(takes, report);
                    return None;
                }
            },
            _ => {
                self.refuse(takes, report);
                return None;
            }
        };
        if texts.is_empty() || texts.iter().any(|text| text.value().trim().is_empty()) {
            let message = format!(
                "option `{}` names nothing: give a name or remove it",
                self.key
            );
            report.at(&self.value, message);
            return None;
        }
        Some(Texts {
            key: self.key.clone(),
            texts,
        })
    }

    /// Names of arguments, each once: `key(one, other)`.
    pub(crate) fn names(&self, report: &mut Report) -> Vec<Ident> {
        let list = |input: ParseStream<'_>| {
            Punctuated::<Ident, Token![,]>::parse_terminated_with(input, Ident::parse_any)
        };
        let names = self.names.clone().and_then(|names| list.parse2(names).ok());
        let Some(names) = names else {
            let takes = format!(
                "names of arguments in parentheses, as in `{}(progress)`",
                self.key
            );
            self.refuse(takes, report);
            return Vec::new();
        };
        if names.is_empty() {
            let message = format!(
                "option `{}` names nothing: name an argument or remove it",
                self.key
            );
            report.at(&self.key, message);
        }
        let mut once: Vec<Ident> = Vec::new();
        for name in names {
            if once.contains(&name) {
                report.at(
                    &name,
                    format!("argument `{name}` is named twice: remove one"),
                );
            } else {
                once.push(name);
            }
        }
        once
    }

    /// A whole number: `key = 3`, negative where `N` allows it.
    pub(crate) fn number<N>(&self, report: &mut Report) -> Option<N>
    where
        N: FromStr<Err: Display>,
    {
        let takes = format!("a whole number, as in `{} = 2`", self.key);
        let Some(Lit::Int(number)) = self.literal() else {
            self.refuse(takes, report);
            return None;
        };
        match number.base10_parse() {
            Ok(number) => Some(number),
            Err(reason) => {
                self.refuse(format_args!("{takes}: {reason}"), report);
                None
            }
        }
    }

    /// A length of time: `key = "1h30m"`, or whole seconds.
    pub(crate) fn duration(&self, report: &mut Report) -> Option<Duration> {
        let takes = format!(
            "a duration, as in `{0} = \"10m\"`, or whole seconds, as in `{0} = 90`",
            self.key
        );
        let duration = match self.literal() {
            Some(Lit::Str(text)) => duration::parse(&text.value()),
            Some(Lit::Int(seconds)) => seconds
                .base10_parse()
                .map(Duration::from_secs)
                .map_err(|reason| reason.to_string()),
            _ => {
                self.refuse(takes, report);
                return None;
            }
        };
        match duration {
            Ok(Duration::ZERO) => {
                self.refuse(format_args!("{takes}: nothing is done in no time"), report);
                None
            }
            Ok(duration) => Some(duration),
            Err(reason) => {
                self.refuse(format_args!("{takes}: {reason}"), report);
                None
            }
        }
    }

    /// A switch: `key`, `key = true`, `key = false`.
    pub(crate) fn flag(&self, report: &mut Report) -> Option<bool> {
        match (&self.value, self.literal()) {
            (None, _) => Some(true),
            (Some(_), Some(Lit::Bool(LitBool { value, .. }))) => Some(value),
            _ => {
                self.refuse(
                    format_args!("`true` or `false`, or nothing at all for `true`"),
                    report,
                );
                None
            }
        }
    }

    /// A word that stands alone: `key`. Tells whether it does.
    pub(crate) fn bare(&self, report: &mut Report) -> bool {
        if self.value.is_some() {
            self.refuse("no value: write the word alone", report);
        }
        self.value.is_none()
    }

    /// A path: `key = some::path`, `key = "some::path"`.
    pub(crate) fn path(&self, report: &mut Report) -> Option<Path> {
        let path = match self.literal() {
            Some(Lit::Str(text)) => text.parse_with(Path::parse_mod_style).ok(),
            Some(_) => None,
            None => self
                .value
                .clone()
                .and_then(|value| Path::parse_mod_style.parse2(value).ok()),
        };
        if path.is_none() {
            self.refuse(
                format_args!("a path, as in `{} = \"renamed\"`", self.key),
                report,
            );
        }
        path
    }
}
