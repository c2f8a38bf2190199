// What is wrong in a body is reported there, once.
#[chiltepin::task]
fn add(x: i64, y: i64) -> i64 {
    let sum: i64 = x + "y";
    sum.no_such_method()
}

#[chiltepin::task]
fn text(x: i64) -> String {
    x
}

fn main() {}
