//! Futures in lists, maps and tuples, and futures of a part of what another will give.
//!
//! Prints
//!
//! ```text
//! a list of futures: 6
//! a map of futures: coast 12, hills 30
//! a tuple of futures: coast: 12
//! an element of a list: 3
//! an entry of a map: 30
//! a field: 12
//! something made of it: 24
//! all of several: [1, 2, 3]
//! ```

use std::collections::BTreeMap;

use chiltepin::{AppFuture, Workflow, task};
use futures::future::try_join_all;

#[task]
fn number(x: u32) -> u32 {
    x
}

#[task]
fn sum(values: Vec<u32>) -> u32 {
    values.iter().sum()
}

#[task]
fn table(rain: BTreeMap<String, u32>) -> String {
    let lines: Vec<_> = rain
        .iter()
        .map(|(region, rain)| format!("{region} {rain}"))
        .collect();
    lines.join(", ")
}

#[task]
fn line(pair: (String, u32)) -> String {
    format!("{}: {}", pair.0, pair.1)
}

#[task]
fn up_to(last: u32) -> Vec<u32> {
    (1..=last).collect()
}

#[task]
fn rain_of_regions() -> BTreeMap<String, u32> {
    BTreeMap::from([("coast".to_owned(), 12), ("hills".to_owned(), 30)])
}

#[task]
fn with_its_length(text: String) -> (String, u32) {
    let length = text.chars().count();
    (text, u32::try_from(length).unwrap_or(u32::MAX))
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    // Collections of futures are arguments where collections of their values are asked for.
    let list = workflow.map(1..=3, number);
    println!("a list of futures: {}", sum(list).submit(&workflow).await?);

    let map = BTreeMap::from([
        ("coast".to_owned(), number(12).submit(&workflow)),
        ("hills".to_owned(), number(30).submit(&workflow)),
    ]);
    println!("a map of futures: {}", table(map).submit(&workflow).await?);

    let pair = (
        AppFuture::ready("coast".to_owned()),
        number(12).submit(&workflow),
    );
    println!(
        "a tuple of futures: {}",
        line(pair).submit(&workflow).await?
    );

    // Parts of a value can be passed on before the value is there.
    let third = up_to(5).submit(&workflow).index(2);
    println!(
        "an element of a list: {}",
        number(third).submit(&workflow).await?
    );

    let hills = rain_of_regions().submit(&workflow).get("hills".to_owned());
    println!(
        "an entry of a map: {}",
        number(hills).submit(&workflow).await?
    );

    let length = with_its_length("twelve chars")
        .submit(&workflow)
        .field(|pair| &pair.1);
    println!("a field: {}", number(&length).submit(&workflow).await?);
    println!(
        "something made of it: {}",
        length.map(|length| 2 * length).await?
    );

    // Awaiting several at once is what any crate for futures does.
    let all = try_join_all(workflow.map(1..=3, number)).await?;
    println!("all of several: {all:?}");
    Ok(())
}
