use chiltepin::{AppFuture, Workflow, join_task, task};

#[task]
fn multiply(x: i64, factor: i64) -> i64 {
    x * factor
}

#[task]
async fn add_values(values: Vec<i64>) -> i64 {
    values.iter().sum()
}

#[join_task]
async fn process_list(workflow: &Workflow, values: Vec<i64>, factor: i64) -> AppFuture<i64> {
    let products: Vec<_> = values
        .into_iter()
        .map(|v| multiply(v, factor).submit(workflow))
        .collect();
    add_values(products).submit(workflow)
}

#[chiltepin::test]
async fn a_join(workflow: Workflow) -> chiltepin::Result<()> {
    let total = process_list(vec![1, 2, 3], 2).submit(&workflow);
    let doubled = multiply(&total, 2).on(["local"]).submit(&workflow);
    assert_eq!(doubled.await?, 24);
    Ok(())
}
