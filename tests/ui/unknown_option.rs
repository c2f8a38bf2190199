use chiltepin::{bash_task, task};

#[task(retry = 2, walltime = "1h")]
fn one() {}

#[task(retries = 2, retries = 3)]
fn two() {}

#[task(timeout = "10min", priority = "high", executor = [], name)]
fn three() {}

#[bash_task(fallible, infallible)]
fn four() -> Result<String, String> {
    Ok(String::new())
}

#[chiltepin::main(settings = "file.toml")]
fn main() {
    // A wrong option hides nothing else: the calls are understood.
    let _ = one().on("local");
    let _ = three().on("local");
}
