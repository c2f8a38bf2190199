trait Size {
    #[chiltepin::task]
    fn size(&self) -> usize;

    #[chiltepin::task]
    fn area(&self) -> usize {
        1
    }
}

#[chiltepin::tasks]
trait Shape {}

fn main() {}
