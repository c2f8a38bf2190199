//! `sh!`: what each interpolation becomes.

use std::path::{Path, PathBuf};

use chiltepin::sh;

struct Point {
    x: f64,
    name: String,
    pair: (u8, &'static str),
}

fn main() {
    let point = Point { x: 1.5, name: "two words".to_owned(), pair: (3, "b") };
    let files = vec![PathBuf::from("a.txt"), PathBuf::from("b c.txt")];
    let none: Option<u8> = None;
    let (script, text, width) = ("script", "it's", 4);

    assert_eq!(sh!("echo"), "echo");
    assert_eq!(sh!(""), "");
    assert_eq!(sh!("echo {script} {text}"), "echo script \"it's\"");
    assert_eq!(sh!("mark {point.x} {point.name}"), "mark 1.5 'two words'");
    assert_eq!(sh!("{point.pair.0} {point.pair.1} {files[0].display():>6}"), "3 b ' a.txt'");
    assert_eq!(sh!("cat {files} {none}|wc"), "cat a.txt 'b c.txt' |wc");
    assert_eq!(sh!("cat {files.join(\"x\", 1)}", files = Joiner), "cat x1");
    assert_eq!(sh!("{files:?}"), "'[\"a.txt\", \"b c.txt\"]'");
    assert_eq!(sh!("{width:04} {point.x:.3} {text:?}"), "0004 1.500 \"\\\"it's\\\"\"");
    assert_eq!(sh!("{text:raw}; \"{text:raw}\""), "it's; \"it's\"");
    assert_eq!(sh!("${{HOME}} {{a,b}} {{{width}}}"), "${HOME} {a,b} {4}");
    assert_eq!(sh!("{} {1} {name} {}", 1, "two", name = Path::new("n")), "1 two n two");
    assert_eq!(sh!("{name.len()} {0:>1$}", 7, 3, name = "name"), "4 '  7'");
    assert_eq!(sh!("{0:>width$} {0:w$}", 7, w = 2), "'   7' ' 7'");
    assert_eq!(sh!("echo {width}>{script}"), "echo 4 >script");
    assert_eq!(sh!(r#"echo "$(cat {script})" '{{}}'"#), r#"echo "$(cat script)" '{}'"#);
    assert_eq!(sh!("{}", { 1 + 1 },), "2");
}

struct Joiner;

impl Joiner {
    fn join(&self, text: &str, number: u8) -> String {
        format!("{text}{number}")
    }
}
