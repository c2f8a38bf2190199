use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Table;

#[chiltepin::tasks]
impl Table {
    #[chiltepin::task]
    fn rows(self) -> usize {
        1
    }

    #[chiltepin::task]
    fn clear(&mut self) {}

    #[chiltepin::task]
    fn boxed(self: Box<Self>) -> usize {
        1
    }
}

fn main() {}
