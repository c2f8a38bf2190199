use chiltepin::task;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct SearchResult;

#[task]
fn search(text: String) -> SearchResult {
    let _ = text;
    SearchResult
}

fn main() {}
