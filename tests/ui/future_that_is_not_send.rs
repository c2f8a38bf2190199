use std::rc::Rc;

#[chiltepin::task]
async fn hold(x: u8) -> u8 {
    let held = Rc::new(x);
    std::future::ready(()).await;
    *held
}

fn main() {}
