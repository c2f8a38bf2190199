struct Table;

#[chiltepin::tasks]
impl Table {
    #[chiltepin::task]
    fn rows(&self) -> usize {
        1
    }
}

fn main() {}
