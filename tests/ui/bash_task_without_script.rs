use chiltepin::bash_task;

#[bash_task]
fn nothing(_x: u8) {}

#[bash_task]
fn code(_x: u8) -> i32 {
    1
}

#[bash_task]
fn borrowed(_x: u8) -> &'static str {
    "true"
}

#[bash_task]
fn fallible_code(_x: u8) -> Result<i32, String> {
    Ok(1)
}

#[bash_task]
async fn later(_x: u8) -> String {
    String::new()
}

fn main() {}
