//! Tasks that a `macro_rules!` macro writes.

use chiltepin::{sh, task, bash_task};

macro_rules! tasks {
    ($($name:ident: $ty:ty = $value:expr;)*) => {$(
        #[task]
        fn $name(x: $ty, more: Vec<$ty>) -> $ty {
            more.into_iter().fold(x, |sum, x| sum + x + $value)
        }
    )*};
}

tasks! {
    whole: i64 = 1;
    real: f64 = 0.5;
}

macro_rules! shout {
    ($name:ident, $text:literal) => {
        #[bash_task]
        fn $name(word: String) -> String {
            sh!("echo {} {}", word, $text)
        }
    };
}

shout!(shout, "!");

#[chiltepin::main]
fn main(workflow: chiltepin::Workflow) {
    assert_eq!(whole(1, vec![1]).run_blocking().unwrap(), 3);
    assert_eq!(real(1.0, vec![1.0]).run_blocking().unwrap(), 2.5);
    assert_eq!(shout("a b").submit(&workflow).result().unwrap(), 0);
}
