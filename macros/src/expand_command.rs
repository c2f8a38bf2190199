//! Writes how a bash task starts: its body gives the script.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use crate::expand_task::{local, located};
use crate::model::Task;

pub(crate) fn command(task: &Task) -> TokenStream {
    let (waits, values, given, outcome) =
        (task.waits(), task.values(), task.given(), task.outcome());
    let run = local("run");
    let span = located(task.returns.span);
    let private = task.private_at(span);
    quote_spanned! {span=>
        #private::command(&__CHILTEPIN_TASK, #waits, |#values, #run| {
            let _ = #run;
            #given
            #outcome
        })
    }
}
