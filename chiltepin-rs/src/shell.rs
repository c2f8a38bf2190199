//! What `sh!` puts into a script: each value as a word of its own, quoted where bash needs it.
//!
//! ```text
//!   sh!("sort -k {key} -o {out} {files}")
//!     key: u32          2                 a number as it is
//!     out: PathBuf      'word counts'     one word, quoted
//!     files: Vec<_>     a.txt 'b c.txt'   a word for each
//! ```

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// A value that `sh!` can put into a script, as one word or as several.
///
/// Texts, paths, numbers, characters and truth values are one word; a list is a word for each of
/// its elements, and nothing where it is empty; an `Option` is its value, or nothing.
///
/// Implement it for a type of your own by passing on what it is made of:
///
/// ```
/// use chiltepin::{ShellWord, ShellWords, sh};
///
/// struct Region {
///     west: f64,
///     east: f64,
/// }
///
/// impl ShellWord for Region {
///     fn push_to(&self, words: &mut ShellWords<'_>) {
///         words.push(&format!("{}/{}", self.west, self.east));
///     }
/// }
///
/// let region = Region { west: -70.5, east: -68.0 };
/// assert_eq!(sh!("cut --region {region}"), "cut --region -70.5/-68");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no word of a shell script",
    label = "`sh!` does not know how to write a `{Self}`",
    note = "write `{{x:?}}` or another style to format it and quote the text as one word, \
            or put in `x.to_string()`, one of its fields, or a list of words"
)]
pub trait ShellWord {
    /// Pushes the words that the value is.
    fn push_to(&self, words: &mut ShellWords<'_>);
}

/// The words that take the place of one interpolation.
pub struct ShellWords<'a> {
    script: &'a mut String,
    is_first: bool,
}

impl fmt::Debug for ShellWords<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ShellWords")
            .field("script", &self.script)
            .finish_non_exhaustive()
    }
}

impl ShellWords<'_> {
    /// Pushes a word, quoted where the shell would take it for anything else.
    pub fn push(&mut self, word: &str) {
        self.separate();
        quote(self.script, word);
    }

    /// Pushes a word that need not be UTF-8, as file names need not.
    pub fn push_os(&mut self, word: &OsStr) {
        if let Some(word) = word.to_str() {
            return self.push(word);
        }
        self.separate();
        for chunk in word.as_encoded_bytes().utf8_chunks() {
            if !chunk.valid().is_empty() {
                quote(self.script, chunk.valid());
            }
            // A script is text; bash turns these escapes back into the bytes they are.
            for byte in chunk.invalid() {
                self.script.push_str(&format!("$'\\x{byte:02x}'"));
            }
        }
    }

    fn separate(&mut self) {
        if !self.is_first {
            self.script.push(' ');
        }
        self.is_first = false;
    }
}

/// Puts a value into a script: what `{x}` stands for.
pub fn word<W: ShellWord + ?Sized>(script: &mut String, word: &W) {
    word.push_to(&mut ShellWords {
        script,
        is_first: true,
    });
}

/// Puts a formatted value into a script as one word: what `{x:?}` stands for.
pub fn formatted(script: &mut String, text: fmt::Arguments<'_>) {
    match text.as_str() {
        Some(text) => word(script, text),
        None => word(script, &text.to_string()),
    }
}

/// Puts a value into a script as it is: what `{x:raw}` stands for.
pub fn raw<D: fmt::Display + ?Sized>(script: &mut String, text: &D) {
    script.push_str(&text.to_string());
}

/// Words that the shell reads as its own where a command begins.
const RESERVED: [&str; 17] = [
    "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "time", "until", "while",
];

fn quote(script: &mut String, word: &str) {
    if RESERVED.contains(&word) {
        script.extend(["'", word, "'"]);
        return;
    }
    match shlex::Quoter::new().allow_nul(true).quote(word) {
        Ok(quoted) => script.push_str(&quoted),
        // What cannot be quoted must not run: the executor refuses a script that holds a NUL.
        Err(_) => script.push('\0'),
    }
}

impl ShellWord for str {
    fn push_to(&self, words: &mut ShellWords<'_>) {
        words.push(self);
    }
}

impl ShellWord for String {
    fn push_to(&self, words: &mut ShellWords<'_>) {
        words.push(self);
    }
}

impl ShellWord for OsStr {
    fn push_to(&self, words: &mut ShellWords<'_>) {
        words.push_os(self);
    }
}

impl ShellWord for OsString {
    fn push_to(&self, words: &mut ShellWords<'_>) {
        words.push_os(self);
    }
}

impl ShellWord for Path {
    fn push_to(&self, words: &mut ShellWords<'_>) {
        words.push_os(self.as_os_str());
    }
}

impl ShellWord for PathBuf {
    fn push_to(&self, words: &mut ShellWords<'_>) {
        words.push_os(self.as_os_str());
    }
}

impl ShellWord for crate::File {
    fn push_to(&self, words: &mut ShellWords<'_>) {
        self.path().push_to(words);
    }
}

macro_rules! displayed {
    ($($ty:ty)*) => {$(
        impl ShellWord for $ty {
            fn push_to(&self, words: &mut ShellWords<'_>) {
                words.push(&self.to_string());
            }
        }
    )*};
}

displayed! {
    bool char f32 f64
    i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize
    NonZeroI8 NonZeroI16 NonZeroI32 NonZeroI64 NonZeroI128 NonZeroIsize
    NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroU128 NonZeroUsize
}

macro_rules! passed_on {
    ($($pointer:ty)*) => {$(
        impl<W: ShellWord + ?Sized> ShellWord for $pointer {
            fn push_to(&self, words: &mut ShellWords<'_>) {
                (**self).push_to(words);
            }
        }
    )*};
}

passed_on!(&W &mut W Box<W> Rc<W> Arc<W>);

impl<W> ShellWord for Cow<'_, W>
where
    W: ShellWord + ToOwned + ?Sized,
{
    fn push_to(&self, words: &mut ShellWords<'_>) {
        self.as_ref().push_to(words);
    }
}

macro_rules! lists {
    ($([$($parameters:tt)*] $list:ty;)*) => {$(
        impl<W: ShellWord, $($parameters)*> ShellWord for $list {
            fn push_to(&self, words: &mut ShellWords<'_>) {
                for word in self {
                    word.push_to(words);
                }
            }
        }
    )*};
}

lists! {
    [] [W];
    [const N: usize] [W; N];
    [] Vec<W>;
    [] VecDeque<W>;
    [] BTreeSet<W>;
    [S] HashSet<W, S>;
}

impl<W: ShellWord> ShellWord for Option<W> {
    fn push_to(&self, words: &mut ShellWords<'_>) {
        if let Some(word) = self {
            word.push_to(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn written<W: ShellWord + ?Sized>(value: &W) -> String {
        let mut script = String::new();
        word(&mut script, value);
        script
    }

    /// The words that bash makes of a script's words.
    fn read_by_bash(words: &str) -> Vec<OsString> {
        let script = format!("for word in {words}\ndo printf '%s\\0' \"$word\"\ndone");
        let output = Command::new("bash")
            .args(["-c", &script])
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        let mut words: Vec<_> = output
            .stdout
            .split(|byte| *byte == 0)
            .map(|word| OsStr::from_bytes(word).to_owned())
            .collect();
        assert_eq!(words.pop(), Some(OsString::new()));
        words
    }

    #[test]
    fn plain_words_stay_plain() {
        assert_eq!(written("a-b_c/d.e:f"), "a-b_c/d.e:f");
        assert_eq!(written(&-3), "-3");
        assert_eq!(written(&1.5), "1.5");
        assert_eq!(written(&true), "true");
        assert_eq!(written(&'x'), "x");
        assert_eq!(written(Path::new("out/x.txt")), "out/x.txt");
    }

    #[test]
    fn what_the_shell_would_take_for_its_own_is_quoted() {
        assert_eq!(written("two words"), "'two words'");
        assert_eq!(written(""), "''");
        assert_eq!(written("PATH=x"), "'PATH=x'");
        assert_eq!(written("if"), "'if'");
        assert_eq!(written("while"), "'while'");
        assert_eq!(written("$(reboot)"), "'$(reboot)'");
        assert_eq!(written(&'\''), "\"'\"");
    }

    #[test]
    fn lists_are_words_of_their_own_and_nothing_is_nothing() {
        assert_eq!(written(&["a", "b c"]), "a 'b c'");
        assert_eq!(written(&vec![Some("a"), None, Some("b")]), "a b");
        assert_eq!(written(&vec![vec![1, 2], vec![], vec![3]]), "1 2 3");
        assert_eq!(written(&BTreeSet::from([2, 1])), "1 2");
        assert_eq!(written(&VecDeque::from([Arc::new("x")])), "x");
        assert_eq!(written(&HashSet::from([Cow::Borrowed("x y")])), "'x y'");
        assert_eq!(written(&Vec::<String>::new()), "");
        assert_eq!(written(&None::<PathBuf>), "");
        assert_eq!(written(&Some(Box::new(7_u64))), "7");
    }

    #[test]
    fn formatted_text_is_one_word_and_raw_text_is_itself() {
        let mut script = String::new();
        formatted(&mut script, format_args!("{:?}", ["a b"]));
        script.push(' ');
        raw(&mut script, "a | b");
        assert_eq!(script, "'[\"a b\"]' a | b");
    }

    #[test]
    fn file_names_that_are_no_text_come_back_byte_for_byte() {
        let name = OsString::from_vec(b"a b\xff\xfe'c\xc3".to_vec());
        assert_eq!(written(&name), r#"'a b'$'\xff'$'\xfe'"'c"$'\xc3'"#);
        assert_eq!(read_by_bash(&written(&name)), [name]);
    }

    #[test]
    fn a_nul_is_kept_for_the_executor_to_refuse() {
        assert!(written("a\0b").contains('\0'));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn texts_come_back_from_bash(words in prop::collection::vec("[^\0]*", 1..5)) {
            let expected: Vec<_> = words.iter().map(OsString::from).collect();
            prop_assert_eq!(read_by_bash(&written(&words)), expected);
        }

        #[test]
        fn shell_syntax_comes_back_from_bash(word in "[-a-c0 '\"`$\\\\(){}\\[\\]<>|&;!^#~=*?%,\n\t]{0,12}") {
            prop_assert_eq!(read_by_bash(&written(&word)), [OsString::from(word)]);
        }

        #[test]
        fn bytes_come_back_from_bash(bytes in prop::collection::vec(1_u8..=255, 0..20)) {
            let name = OsString::from_vec(bytes);
            prop_assert_eq!(read_by_bash(&written(name.as_os_str())), [name]);
        }
    }
}
