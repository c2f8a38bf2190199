use std::collections::HashMap;
use std::path::Path;

use chiltepin::task;

#[task]
fn count(text: &str, values: &[f64], path: &Path, table: &HashMap<String, u8>) -> usize {
    text.len() + values.len() + path.as_os_str().len() + table.len()
}

#[task]
fn change(values: &mut Vec<f64>) {
    values.clear();
}

#[task]
fn nested(names: Vec<&str>, lent: std::borrow::Cow<'_, str>) -> usize {
    names.len() + lent.len()
}

fn main() {}
