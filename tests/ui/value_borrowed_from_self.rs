use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Table {
    name: String,
}

#[chiltepin::tasks]
impl Table {
    #[chiltepin::task]
    fn name(&self) -> &str {
        &self.name
    }

    #[chiltepin::task]
    fn some_name(&self) -> Result<Option<&String>, std::io::Error> {
        Ok(Some(&self.name))
    }

    #[chiltepin::task]
    fn lent(&self) -> std::borrow::Cow<'_, str> {
        (&*self.name).into()
    }
}

#[chiltepin::task]
fn name() -> &'static str {
    "name"
}

fn main() {}
