use chiltepin::task;

#[task]
fn sum(values: impl IntoIterator<Item = i64>) -> i64 {
    values.into_iter().sum()
}

#[task]
fn numbers() -> impl Iterator<Item = i64> {
    0..3
}

fn main() {}
