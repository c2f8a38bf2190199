//! Which ways to write a function are the same, and which are not.

use std::collections::HashMap;

use super::*;

fn number(function: &str) -> u128 {
    let tokens: TokenStream = function.parse().unwrap();
    let read = syn::parse2::<ItemFn>(tokens.clone());
    assert!(read.is_ok(), "not a function: {function}");
    let mut hasher = Hasher::new();
    hasher.tokens(normalised(tokens));
    hasher.finish()
}

fn body(body: &str) -> u128 {
    number(&format!("fn body() {{ {body} }}"))
}

#[test]
fn what_rustfmt_may_write_either_way_is_one() {
    for (one, other) in [
        ("f(a, b,)", "f(a, b)"),
        ("f(a,)", "f(a)"),
        ("[a, b,]", "[a, b]"),
        ("(a, b,)", "(a, b)"),
        ("S { a, b, }", "S { a, b }"),
        ("S { a: a, ..b }", "S { a, ..b }"),
        ("x.iter().map(|x| { x + 1 })", "x.iter().map(|x| x + 1)"),
        ("|x,| x", "|x| x"),
        ("|x| { println!(\"{x}\") }", "|x| println!(\"{x}\")"),
        (
            "match x { A => { 1 } B => 2 }",
            "match x { A => 1, B => 2, }",
        ),
        ("match x { A => { { 1 } } }", "match x { A => 1 }"),
        (
            "match x { A => { f(a) }, _ => {} }",
            "match x { A => f(a), _ => {} }",
        ),
        ("match x { | A | B => 1 }", "match x { A | B => 1 }"),
        ("match x { | A => 1 }", "match x { A => 1 }"),
        (
            "match x { A => { return 1; } }",
            "match x { A => return 1 }",
        ),
        (
            "match x { A => { panic!(\"a\") } }",
            "match x { A => panic!(\"a\") }",
        ),
        ("return 1", "return 1;"),
        ("if a { return 1; } 2", "if a { return 1 } 2"),
        ("loop { break }", "loop { break; }"),
        ("for i in x { continue }", "for i in x { continue; };"),
        ("f();; g()", "f(); g()"),
        ("loop { f() }; g()", "loop { f() } g()"),
        ("while f() {};", "while f() {}"),
        ("((a + b)) * c", "(a + b) * c"),
        ("use a::{b}; b()", "use a::b; b()"),
        ("use a::{c, b,}; b()", "use a::{b, c}; b()"),
        ("use b::x; use a::y; f()", "use a::y; use b::x; f()"),
        ("use a::b as b;", "use a::b;"),
        ("let x: HashMap<A, B,> = y;", "let x: HashMap<A, B> = y;"),
        ("let x = f::<A,>();", "let x = f::<A>();"),
        ("let (a, b,) = x;", "let (a, b) = x;"),
        (
            "fn g<T,>(x: T,) where T: Copy, {}",
            "fn g<T>(x: T) where T: Copy {}",
        ),
        ("// a comment\nf() /* and one */", "f()"),
        ("/// Docs.\nfn g() {}", "fn g() {}"),
        ("//! Docs.\nf()", "f()"),
        (
            "#[derive(A, B)] struct S;",
            "#[derive(A)] #[derive(B)] struct S;",
        ),
        ("println!(\"{}\", f(a, b,),)", "println!(\"{}\", f(a, b))"),
        (
            "println!(\"{}\", x.map(|x| { x }))",
            "println!(\"{}\", x.map(|x| x))",
        ),
        ("vec!(1, 2,)", "vec![1, 2]"),
        ("vec![f(a,); n]", "vec![f(a); n]"),
        ("json!({ \"a\": [1, 2,], })", "json!({ \"a\": [1, 2] })"),
        ("sh!(\"echo {x}\",)", "sh!(\"echo {x}\")"),
    ] {
        assert_eq!(body(one), body(other), "`{one}` and `{other}`");
    }
}

#[test]
fn what_means_something_else_is_another() {
    let bodies = [
        "",
        "a",
        "b",
        "a;",
        "a()",
        "a!()",
        "a(b)",
        "a[b]",
        "(a)",
        "(a,)",
        "[a]",
        "{ a }",
        "(a, b)",
        "((a, b),)",
        "a::b",
        "a.b",
        "a + b",
        "a - b",
        "b + a",
        "a = b",
        "a == b",
        "a += b",
        "a && b",
        "a & &b",
        "& &a",
        "&mut a",
        "-a",
        "!a",
        "*a",
        "a?",
        "a as u8",
        "a as u16",
        "a..b",
        "a..=b",
        "1",
        "1u8",
        "1.0",
        "\"1\"",
        "'1'",
        "b'1'",
        "01",
        "true",
        "(a + b) * c",
        "a + b * c",
        "a + (b * c)",
        "|a| b",
        "|b| a",
        "move |a| b",
        "|a: u8| b",
        "|a| -> u8 { b }",
        "|a| { b; }",
        "|a| { b; c }",
        "|a| unsafe { b }",
        "|a| async { b }",
        "|(a,)| b",
        "|(a)| b",
        "|a, b| b",
        "async { b }",
        "unsafe { b }",
        "match a { b => c }",
        "match a { b => { c; } }",
        "match a { b if d => c }",
        "match a { b => c, d => e }",
        "match a { d => e, b => c }",
        "match a { b | d => c }",
        "match a { b => 'x: { c } }",
        "match a { b => unsafe { c } }",
        "match a { (b,) => c }",
        "match a { (b) => c }",
        "match a { b => #[x] { c } }",
        "if a { b }",
        "if a { b; }",
        "if a { b } else { c }",
        "if a { c } else { b }",
        "return",
        "return a",
        "break a",
        "loop { a }",
        "loop { a; }",
        "loop { a };",
        "while a { b }",
        "for a in b { c }",
        "let a = b;",
        "let mut a = b;",
        "let a: u8 = b;",
        "let (a,) = b;",
        "let (a) = b;",
        "let a: (u8,) = b;",
        "let a: (u8) = b;",
        "let a: [u8; 1] = b;",
        "let a: &'static u8 = b;",
        "use a::b;",
        "use a::{self};",
        "use a::b as c;",
        "use a::*;",
        "use a::{b, c};",
        "x!(a)",
        "x!((a,))",
        "x!((a))",
        "x!(a, b)",
        "x!(a => (b,))",
        "x!(a => (b))",
        "x!(\"a\")",
        "x!(\"a \")",
        "x!{ a => b }",
        "vec![a; b]",
        "vec![a, b]",
        "f(); g();",
        "g(); f();",
        "f(); g()",
        "#[cfg(a)] f();",
        "#[cfg(b)] f();",
        "S { a: b }",
        "S { a }",
        "S { b: a }",
    ];
    let mut seen = HashMap::new();
    for text in bodies {
        if let Some(other) = seen.insert(body(text), text) {
            panic!("`{text}` and `{other}` have one number");
        }
    }
}

#[test]
fn the_signature_counts_and_the_docs_do_not() {
    let functions = [
        "fn body(x: u8) {}",
        "fn body(y: u8) {}",
        "fn body(x: u16) {}",
        "fn body(mut x: u8) {}",
        "fn body(x: u8, y: u8) {}",
        "fn body(y: u8, x: u8) {}",
        "fn body(&self, x: u8) {}",
        "fn body(x: u8) -> u8 {}",
        "fn body(x: u8) -> (u8,) {}",
        "async fn body(x: u8) {}",
        "fn body(x: u8) where u8: Copy {}",
        "#[inline] fn body(x: u8) {}",
    ];
    let numbers: HashMap<_, _> = functions.iter().map(|text| (number(text), text)).collect();
    assert_eq!(numbers.len(), functions.len(), "{numbers:#?}");
    assert_eq!(
        number("/** Docs. */ fn body(x: u8, y: Vec<u8,>,) -> u8 { x }"),
        number("#[rustfmt::skip] fn body(\n    x: u8,\n    y: Vec<u8>\n) -> u8\n{\n    x\n}"),
    );
}

#[test]
fn what_the_parser_cannot_read_has_a_number_too() {
    let raw = |text: &str| {
        let tokens: TokenStream = text.parse().unwrap();
        let mut hasher = Hasher::new();
        hasher.tokens(normalised(tokens));
        hasher.finish()
    };
    let unreadable = "fn body() { let newer syntax than (a,); }";
    assert!(syn::parse_str::<ItemFn>(unreadable).is_err());
    assert_eq!(
        raw(unreadable),
        raw(&unreadable.replace("newer syntax", "newer\n syntax"))
    );
    assert_ne!(raw(unreadable), raw(&unreadable.replace("(a,)", "(a)")));
}

/// A function of many parts as three configurations of rustfmt write it.
#[test]
fn one_function_formatted_in_several_ways_is_one() {
    let narrow = r#"
        fn body(
            samples: Vec<
                f64,
            >,
            names: HashMap<
                String,
                f64,
            >,
        ) -> Result<
            Vec<f64>,
            String,
        > {
            use std::{
                fs::File,
                io::Read,
            };
            let mean = samples
                .iter()
                .map(|sample| {
                    sample * 2.0
                })
                .sum::<f64>(
                );
            // What is left.
            let rest = match names
                .get("rest")
            {
                Some(rest)
                    if *rest > mean =>
                {
                    Config {
                        rest: *rest,
                        mean,
                    }
                }
                Some(_) | None => {
                    return Err(format!(
                        "no rest of {}",
                        mean,
                    ));
                }
            };
            Ok(vec![
                rest.rest, mean,
            ])
        }"#;
    let wide = r#"
        fn body(samples: Vec<f64>, names: HashMap<String, f64>) -> Result<Vec<f64>, String> {
            use std::{io::Read, fs::File};
            let mean = samples.iter().map(|sample| sample * 2.0).sum::<f64>();
            let rest = match names.get("rest") {
                Some(rest) if *rest > mean => Config { rest: *rest, mean: mean },
                | Some(_) | None => return Err(format!("no rest of {}", mean)),
            };
            Ok(vec![rest.rest, mean])
        }"#;
    assert_eq!(number(narrow), number(wide));
    for (before, after) in [
        ("* 2.0", "* 2.5"),
        ("*rest > mean", "*rest >= mean"),
        ("no rest", "rest"),
    ] {
        assert_ne!(
            number(wide),
            number(&wide.replace(before, after)),
            "{after}"
        );
    }
}
