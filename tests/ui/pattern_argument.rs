use chiltepin::task;

#[task]
fn add((x, y): (i64, i64), _: u8, ref z: i64) -> i64 {
    x + y + z
}

fn main() {}
