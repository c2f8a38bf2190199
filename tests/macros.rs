//! What the macros refuse, each mistake with its message, and what they accept.

#[test]
fn macros_refuse_and_accept() {
    let programs = trybuild::TestCases::new();
    programs.pass("ui/pass/*.rs");
    programs.compile_fail("ui/*.rs");
}
