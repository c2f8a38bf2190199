use chiltepin::task;
use serde::{Deserialize, Serialize};

type Loaded = Result<u32, String>;

#[task]
fn load(text: String) -> Loaded {
    text.parse().map_err(|_| text)
}

#[derive(Clone, Serialize, Deserialize)]
struct Loader;

#[chiltepin::tasks]
impl Loader {
    #[task]
    fn load(&self, text: String) -> Loaded {
        text.parse().map_err(|_| text)
    }
}

fn main() {}
