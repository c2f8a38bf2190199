use chiltepin::task;

#[task]
fn largest<T: Ord, const N: usize>(values: [T; N]) -> T {
    values.into_iter().max().unwrap()
}

#[task]
fn longest<'a>(text: String) -> String {
    text
}

fn main() {}
