use chiltepin_executors::start::{Origin, enter};

/// Lets this process in, at the test that every other one is started again by.
///
/// Each test may be the first, so each names the same.
pub(crate) fn let_in() {
    enter(Origin::test(concat!(module_path!(), "::entrance")), |_| {});
}

/// Where processes are let in.
#[test]
fn entrance() {
    let_in();
}
