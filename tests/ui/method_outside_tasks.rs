struct Table;

impl Table {
    #[chiltepin::task]
    fn rows(&self) -> usize {
        1
    }
}

fn main() {}
