use chiltepin::task;

#[task]
const fn constant() -> u8 {
    1
}

#[task]
unsafe fn promised() -> u8 {
    1
}

#[task]
extern "C" fn foreign() -> u8 {
    1
}

#[task]
fn conditional(#[cfg(all())] x: u8) -> u8 {
    x
}

fn main() {}
