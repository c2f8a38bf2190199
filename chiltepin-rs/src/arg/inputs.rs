use crate::Value;
use crate::future::{AnyFuture, AppFuture};

/// Futures a call waits for without taking their values: one, a list, or a tuple of several
/// types.
///
/// ```
/// # use chiltepin::{AppFuture, Workflow, task};
/// #[task]
/// fn report() -> String { "done".to_owned() }
///
/// # let workflow = Workflow::open()?;
/// let number = AppFuture::ready(1);
/// let text = AppFuture::ready("x".to_owned());
/// let report = report().inputs((&number, &text)).submit(&workflow);
/// assert_eq!(report.result()?, "done");
/// # Ok::<(), chiltepin::Error>(())
/// ```
pub trait IntoInputs {
    /// Adds the futures to those the call waits for.
    #[doc(hidden)]
    fn add_to(self, inputs: &mut Inputs<'_>);
}

/// The futures a call waits for.
pub struct Inputs<'a>(pub(crate) &'a mut Vec<Box<dyn AnyFuture>>);

impl<T: Value> IntoInputs for AppFuture<T> {
    fn add_to(self, inputs: &mut Inputs<'_>) {
        inputs.0.push(Box::new(self));
    }
}

impl<T: Value> IntoInputs for &AppFuture<T> {
    fn add_to(self, inputs: &mut Inputs<'_>) {
        self.clone().add_to(inputs);
    }
}

impl<I: IntoInputs> IntoInputs for Vec<I> {
    fn add_to(self, inputs: &mut Inputs<'_>) {
        self.into_iter().for_each(|input| input.add_to(inputs));
    }
}

impl<'f, I> IntoInputs for &'f Vec<I>
where
    &'f I: IntoInputs,
{
    fn add_to(self, inputs: &mut Inputs<'_>) {
        self.iter().for_each(|input| input.add_to(inputs));
    }
}

impl<'f, I> IntoInputs for &'f [I]
where
    &'f I: IntoInputs,
{
    fn add_to(self, inputs: &mut Inputs<'_>) {
        self.iter().for_each(|input| input.add_to(inputs));
    }
}

impl<I: IntoInputs, const N: usize> IntoInputs for [I; N] {
    fn add_to(self, inputs: &mut Inputs<'_>) {
        self.into_iter().for_each(|input| input.add_to(inputs));
    }
}

impl<'f, I, const N: usize> IntoInputs for &'f [I; N]
where
    &'f I: IntoInputs,
{
    fn add_to(self, inputs: &mut Inputs<'_>) {
        self.iter().for_each(|input| input.add_to(inputs));
    }
}

macro_rules! tuples {
    ($($type:ident $index:tt)+) => {
        impl<$($type: IntoInputs),+> IntoInputs for ($($type,)+) {
            fn add_to(self, inputs: &mut Inputs<'_>) {
                $(self.$index.add_to(inputs);)+
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0 B 1);
tuples!(A 0 B 1 C 2);
tuples!(A 0 B 1 C 2 D 3);
tuples!(A 0 B 1 C 2 D 3 E 4);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5);
