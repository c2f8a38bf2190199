//! Docs, visibility, conditions, lints and where clauses of the user's item survive.

#![deny(warnings)]
#![deny(missing_docs, clippy::all)]

mod inner {
    /// Documented.
    #[chiltepin::task]
    pub(crate) fn documented(x: u8) -> u8 {
        x
    }

    /// Its lint levels reach the body, and what is expected there is found.
    #[chiltepin::task]
    #[expect(unused_variables, reason = "the test is about it")]
    pub(crate) fn expected(x: u8) -> u8 {
        let unused = 1;
        2
    }

    #[chiltepin::task]
    #[cfg(any())]
    fn left_out(x: NoSuchType) -> u8 {
        x
    }

    #[chiltepin::task]
    #[cfg_attr(all(), expect(unused_mut, reason = "the test is about it"))]
    #[inline]
    #[must_use]
    pub(crate) fn conditional(mut x: u8) -> u8 {
        x
    }

    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Grid;

    #[chiltepin::tasks]
    impl Grid {
        #[chiltepin::task]
        #[expect(unused_variables, reason = "the test is about it")]
        pub(crate) fn expected(&self) -> u8 {
            let unused = 1;
            2
        }

        #[chiltepin::task]
        #[cfg(any())]
        fn left_out(&self, x: NoSuchType) -> u8 {
            x
        }

        #[chiltepin::task]
        #[deprecated = "the test is about it"]
        pub(crate) fn old(&self) -> u8
        where
            Self: Clone,
        {
            3
        }
    }
}

#[expect(deprecated, reason = "the test is about it")]
fn main() {
    assert_eq!(inner::documented(1).run_blocking().unwrap(), 1);
    assert_eq!(inner::expected(1).run_blocking().unwrap(), 2);
    assert_eq!(inner::conditional(1).run_blocking().unwrap(), 1);
    assert_eq!(inner::Grid.expected().run_blocking().unwrap(), 2);
    assert_eq!(inner::Grid.old().run_blocking().unwrap(), 3);
}
