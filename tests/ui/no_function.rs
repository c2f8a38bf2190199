#[chiltepin::task]
struct Table;

#[chiltepin::bash_task]
impl Table {}

#[chiltepin::tasks]
impl Table {
    fn rows(&self) -> usize {
        1
    }
}

#[chiltepin::tasks]
fn rows() {}

#[chiltepin::task]
#[chiltepin::bash_task]
fn both() -> String {
    String::new()
}

fn main() {}
