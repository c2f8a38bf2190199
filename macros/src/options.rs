//! What the attributes say in their parentheses: `#[task(retries = 2, timeout = "10m")]`.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{Ident, LitStr, Path};

use crate::report::Report;
use crate::setting::{Setting, settings};

const TASK_OPTIONS: [&str; 13] = [
    "cache",
    "crate",
    "executor",
    "fallible",
    "ignore",
    "infallible",
    "label",
    "name",
    "on_loss",
    "priority",
    "retries",
    "timeout",
    "version",
];

/// The options of `#[task]`, `#[bash_task]` and `#[join_task]`.
#[derive(Default)]
pub(crate) struct TaskOptions {
    pub(crate) executors: Option<Texts>,
    pub(crate) retries: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) labels: Option<Texts>,
    pub(crate) name: Option<LitStr>,
    pub(crate) priority: Option<i32>,
    pub(crate) cache: bool,
    pub(crate) version: Option<LitStr>,
    /// The parameters that are left out of the cache key.
    pub(crate) ignored: Vec<Ident>,
    /// What becomes of a call whose worker is lost.
    pub(crate) on_loss: Option<OnLoss>,
    /// Where that is said.
    pub(crate) on_loss_key: Option<Ident>,
    pub(crate) outcome: DeclaredOutcome,
    pub(crate) runtime: Option<Path>,
}

/// What becomes of a call whose worker process is lost while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnLoss {
    /// It runs again.
    Repeat,
    /// It fails at once.
    Fail,
}

/// One text or several, and the option that they were given to.
pub(crate) struct Texts {
    pub(crate) key: Ident,
    pub(crate) texts: Vec<LitStr>,
}

/// What the attribute says of the return type, which otherwise speaks for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DeclaredOutcome {
    /// A return type whose name ends in `Result` is one.
    #[default]
    ByName,
    /// The return type is a `Result`, whatever its name.
    Fallible,
    /// The return type is a value, whatever its name.
    Infallible,
}

impl TaskOptions {
    /// Reads the options that stand in the parentheses of `attribute`.
    pub(crate) fn parse(attribute: &str, tokens: TokenStream, report: &mut Report) -> Self {
        let mut options = Self::default();
        for setting in settings(attribute, tokens, &TASK_OPTIONS, report) {
            options.set(&setting, report);
        }
        options
    }

    fn set(&mut self, setting: &Setting, report: &mut Report) {
        match setting.name().as_str() {
            "cache" => self.cache = setting.flag(report).unwrap_or_default(),
            "crate" => self.runtime = setting.path(report),
            "executor" => self.executors = setting.texts(report),
            "ignore" => self.ignored = setting.names(report),
            "label" => self.labels = setting.texts(report),
            "name" => self.name = setting.text(report),
            "on_loss" => self.set_on_loss(setting, report),
            "priority" => self.priority = setting.number(report),
            "retries" => self.retries = setting.number(report),
            "timeout" => self.timeout = setting.duration(report),
            "version" => self.version = setting.text(report),
            "fallible" => self.declare(setting, DeclaredOutcome::Fallible, report),
            "infallible" => self.declare(setting, DeclaredOutcome::Infallible, report),
            _ => {}
        }
    }

    fn set_on_loss(&mut self, setting: &Setting, report: &mut Report) {
        const CHOICES: [(&str, OnLoss); 2] = [("repeat", OnLoss::Repeat), ("fail", OnLoss::Fail)];
        self.on_loss = setting.choice(&CHOICES, report);
        self.on_loss_key = Some(setting.key().clone());
    }

    fn declare(&mut self, setting: &Setting, outcome: DeclaredOutcome, report: &mut Report) {
        if self.outcome != DeclaredOutcome::ByName {
            report.at(
                setting.key(),
                "a task is either `fallible` or `infallible`: remove one of the two",
            );
        } else if setting.bare(report) {
            self.outcome = outcome;
        }
    }
}

/// The options of `#[tasks]`.
#[derive(Default)]
pub(crate) struct TasksOptions {
    pub(crate) runtime: Option<Path>,
}

impl TasksOptions {
    pub(crate) fn parse(tokens: TokenStream, report: &mut Report) -> Self {
        let mut options = Self::default();
        for setting in settings("tasks", tokens, &["crate"], report) {
            options.runtime = setting.path(report);
        }
        options
    }
}

/// The options of `#[main]` and `#[test]`.
#[derive(Default)]
pub(crate) struct MainOptions {
    pub(crate) config: Option<LitStr>,
    pub(crate) runtime: Option<Path>,
}

impl MainOptions {
    pub(crate) fn parse(attribute: &str, tokens: TokenStream, report: &mut Report) -> Self {
        let mut options = Self::default();
        for setting in settings(attribute, tokens, &["config", "crate"], report) {
            match setting.name().as_str() {
                "config" => options.config = setting.text(report),
                _ => options.runtime = setting.path(report),
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn task(tokens: TokenStream) -> (TaskOptions, Vec<String>) {
        let mut report = Report::default();
        let options = TaskOptions::parse("task", tokens, &mut report);
        (options, report.messages())
    }

    fn values(texts: &Option<Texts>) -> Vec<String> {
        texts
            .iter()
            .flat_map(|texts| &texts.texts)
            .map(LitStr::value)
            .collect()
    }

    #[test]
    fn every_option_is_read() {
        let (options, mistakes) = task(quote! {
            executor = ["compute", "backup"], retries = 2, timeout = "10m", label = "gpu",
            name = "fetch", priority = -3, cache, ignore(progress, self), version = "1",
            on_loss = "fail", fallible,
            crate = "renamed::path",
        });
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(values(&options.executors), ["compute", "backup"]);
        assert_eq!(options.retries, Some(2));
        assert_eq!(options.timeout, Some(Duration::from_secs(600)));
        assert_eq!(values(&options.labels), ["gpu"]);
        assert_eq!(
            options.name.map(|name| name.value()),
            Some("fetch".to_owned())
        );
        assert_eq!(options.priority, Some(-3));
        assert!(options.cache);
        assert_eq!(options.ignored, ["progress", "self"]);
        assert_eq!(
            options.version.map(|version| version.value()),
            Some("1".to_owned())
        );
        assert_eq!(options.on_loss, Some(OnLoss::Fail));
        assert_eq!(options.outcome, DeclaredOutcome::Fallible);
        assert_eq!(options.runtime.map(|path| path.segments.len()), Some(2));
    }

    #[test]
    fn a_timeout_may_be_whole_seconds_and_a_flag_may_be_said_out() {
        let (options, mistakes) = task(quote!(timeout = 90, cache = false, crate = renamed));
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(options.timeout, Some(Duration::from_secs(90)));
        assert!(!options.cache);
        assert!(options.runtime.is_some());
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let (_, mistakes) = task(quote! {
            retry = 2, retries = "2", retries = 3, timeout = "ten", priority = 99999999999,
            label = [], name, cache = 1, on_loss = "retry", fallible, infallible, ignore()
        });
        let starts = [
            "unknown option `retry`",
            "option `retries` takes a whole number",
            "option `retries` is given twice",
            "option `timeout` takes a duration",
            "option `priority` takes a whole number",
            "option `label` names nothing",
            "option `name` takes a text",
            "option `cache` takes `true` or `false`",
            "option `on_loss` takes `\"repeat\"` or `\"fail\"`",
            "a task is either `fallible` or `infallible`",
            "option `ignore` names nothing",
        ];
        for start in starts {
            assert!(
                mistakes.iter().any(|mistake| mistake.starts_with(start)),
                "no `{start}` in {mistakes:#?}"
            );
        }
        assert_eq!(mistakes.len(), starts.len(), "{mistakes:#?}");
    }

    #[test]
    fn what_is_ignored_is_named_in_parentheses_and_once() {
        for (written, starts) in [
            (quote!(ignore), "option `ignore` takes names"),
            (quote!(ignore = x), "option `ignore` takes names"),
            (quote!(ignore("x")), "option `ignore` takes names"),
            (quote!(ignore(x, y, x)), "argument `x` is named twice"),
            (quote!(cache(x)), "expected `cache = ...`"),
        ] {
            let (options, mistakes) = task(written);
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            assert!(mistakes[0].starts_with(starts), "{mistakes:?}");
            assert!(
                options
                    .ignored
                    .iter()
                    .all(|name| name == "x" || name == "y")
            );
        }
    }

    #[test]
    fn an_unknown_option_is_answered_with_the_known_ones() {
        let (_, mistakes) = task(quote!(executors = "compute"));
        assert_eq!(
            mistakes,
            [
                "unknown option `executors` of `#[task]`: did you mean `executor`? The options are \
              `cache`, `crate`, `executor`, `fallible`, `ignore`, `infallible`, `label`, `name`, \
              `on_loss`, `priority`, `retries`, `timeout`, `version`"
            ]
        );
    }
}
