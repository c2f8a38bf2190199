use super::*;

/// Reads `@` as an interpolation.
fn read(script: &str) -> Vec<Place> {
    let symbols: Vec<_> = script
        .chars()
        .map(|character| match character {
            '@' => Symbol::Interpolation,
            other => Symbol::Character(other),
        })
        .collect();
    places(&symbols)
}

#[test]
fn words_are_bare() {
    for script in [
        "@",
        "cp @ out/@.txt",
        "run --config=@ >@ 2>&1",
        "echo 'a'@\"b\"",
        "a=$(cat @)",
        "list=( @ )",
        "diff <(sort @) <(sort @)",
        "cat <<< @",
        "${v:-@}",
        r"echo \' @",
        r#"echo "\"" @"#,
        "echo a#b @",
        "echo $# @",
        "echo ${#v} @",
        "(( 1 )) ; echo @",
        "echo $((1 + (2))) @",
        "f() { echo @; }; (ls)#it's\necho @",
    ] {
        assert!(
            read(script).iter().all(|place| *place == Place::Bare),
            "{script}"
        );
        assert!(!read(script).is_empty(), "{script}");
    }
}

#[test]
fn quotes_are_seen() {
    for script in [
        "echo '@'",
        "echo \"a @ b\"",
        r"echo $'it\'s @'",
        "echo $\"@\"",
        r#"echo "\" @""#,
        "echo \"${v:-@}\"",
        "echo \"$(cat x) @\"",
        "awk '{ print $1, \"@\" }'",
        "sh -c \"it's @\"",
    ] {
        assert_eq!(read(script), [Place::Quotes], "{script}");
    }
}

#[test]
fn a_substitution_within_quotes_begins_anew() {
    assert_eq!(read("echo \"$(cat @) @\""), [Place::Bare, Place::Quotes]);
    assert_eq!(
        read("echo \"$(cat \"@\" @)\""),
        [Place::Quotes, Place::Bare]
    );
    assert_eq!(
        read("echo \"$(echo ')' @) @\" @"),
        [Place::Bare, Place::Quotes, Place::Bare]
    );
}

#[test]
fn the_patterns_of_a_case_close_no_substitution() {
    let script = "echo \"$(case $x in a) echo @ \"@\";; (b) echo @;; esac) @\"";
    assert_eq!(
        read(script),
        [Place::Bare, Place::Quotes, Place::Bare, Place::Quotes]
    );
    assert_eq!(read("echo \"$(echo case) @\""), [Place::Quotes]);
}

#[test]
fn backticks_are_seen_at_any_depth() {
    assert_eq!(read("echo `cat @` @"), [Place::Backticks, Place::Bare]);
    assert_eq!(
        read("echo \"`cat @` @\""),
        [Place::Backticks, Place::Quotes]
    );
    assert_eq!(read("echo `cat $(ls @)`"), [Place::Backticks]);
    assert_eq!(read("echo `cat \"@\"` @"), [Place::Backticks, Place::Bare]);
}

#[test]
fn what_changes_a_quote_is_seen() {
    assert_eq!(read("echo $@"), [Place::AfterDollar]);
    assert_eq!(read(r"echo \@"), [Place::AfterBackslash]);
    assert_eq!(read(r"echo \\@"), [Place::Bare]);
    assert_eq!(read("echo $$@"), [Place::Bare]);
}

#[test]
fn arithmetic_is_seen() {
    assert_eq!(read("echo $((@ + 1)) @"), [Place::Arithmetic, Place::Bare]);
    assert_eq!(
        read("echo $(( (@) * $(cat @) ))"),
        [Place::Arithmetic, Place::Bare]
    );
    assert_eq!(
        read("if (( @ > 1 )); then echo @; fi"),
        [Place::Arithmetic, Place::Bare]
    );
}

#[test]
fn comments_end_with_their_line() {
    assert_eq!(read("# it's @\necho @"), [Place::Comment, Place::Bare]);
    assert_eq!(read("echo a # \"@\necho @"), [Place::Comment, Place::Bare]);
    assert_eq!(read("echo;# @"), [Place::Comment]);
}

#[test]
fn here_documents_end_with_their_delimiter() {
    let lines = "cat <<END @\nit's @\n END\nEND\necho @";
    assert_eq!(read(lines), [Place::Bare, Place::HereDocument, Place::Bare]);
    let quoted = "cat <<-'THE END' | wc\n\tdon't @\n\tTHE END\necho @";
    assert_eq!(read(quoted), [Place::HereDocument, Place::Bare]);
    let two = "cat <<A <<B\n@\nA\n@\nB\n@";
    assert_eq!(
        read(two),
        [Place::HereDocument, Place::HereDocument, Place::Bare]
    );
    let nearly = "cat <<END\nEN@D\n@\nEND\n@";
    assert_eq!(
        read(nearly),
        [Place::HereDocument, Place::HereDocument, Place::Bare]
    );
    assert_eq!(read("cat <<@\n"), [Place::HereDocument]);
    assert_eq!(read("echo $((1<<2))\nit @"), [Place::Bare]);
}

#[test]
fn what_is_never_closed_is_read_to_the_end() {
    assert_eq!(read("echo 'a @"), [Place::Quotes]);
    assert_eq!(read("echo \"a @"), [Place::Quotes]);
    assert_eq!(read("cat <<END\n@"), [Place::HereDocument]);
    assert_eq!(read("echo )) @"), [Place::Bare]);
    assert_eq!(read("$"), []);
    assert_eq!(read("\\"), []);
}
