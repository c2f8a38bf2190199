use std::io;

use chiltepin::task;

#[derive(Clone)]
struct Table;

#[task]
async fn fetch(_url: String) -> Table {
    Table
}

#[task]
fn read(_path: String) -> io::Result<Table> {
    Ok(Table)
}

fn main() {}
