struct Grid<T>(T);

#[chiltepin::tasks]
impl<T> Grid<T> {
    #[chiltepin::task]
    fn size(&self) -> usize {
        1
    }
}

fn main() {}
