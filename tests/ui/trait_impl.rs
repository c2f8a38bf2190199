trait Size {
    fn size(&self) -> usize;
}

struct Grid;

#[chiltepin::tasks]
impl Size for Grid {
    #[chiltepin::task]
    fn size(&self) -> usize {
        1
    }
}

fn main() {}
