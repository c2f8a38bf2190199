use serde::Serialize;
use serde::de::DeserializeOwned;

/// What may be an argument or the result of a task: any owned, cloneable type that serde can
/// carry to another process.
///
/// Nothing implements it by hand; derive `Clone`, `Serialize` and `Deserialize`.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Table { rows: Vec<f64> }
///
/// fn is_value<T: chiltepin::Value>() {}
/// is_value::<Table>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument or a result of a task",
    label = "not a task value",
    note = "a task's arguments and results must be able to travel to another process: \
            derive `Clone`, `serde::Serialize` and `serde::Deserialize` for `{Self}` (with the \
            crate `serde` and its feature `derive`), and let it own what it holds \
            (`Send + Sync + 'static`)"
)]
pub trait Value: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Value for T {}
