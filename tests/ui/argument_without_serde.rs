use chiltepin::task;

#[derive(Clone)]
struct Table;

#[task]
fn rows(_table: Table, _limit: u8) -> usize {
    1
}

#[chiltepin::task]
fn load(_path: String) -> Table {
    Table
}

fn main() {}
