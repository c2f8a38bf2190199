use super::frame::Message;
use super::message::{CallEnd, FromWorker, ToWorker, WireValue};

impl Message for ToWorker {
    #[inline]
    fn body_length(&self) -> Option<usize> {
        match self {
            Self::Run(call) => inline_length(&call.arguments),
            Self::Welcome(_)
            | Self::Stop { .. }
            | Self::Kill { .. }
            | Self::Withdraw { .. }
            | Self::Close => Some(0),
        }
    }
}

impl Message for FromWorker {
    #[inline]
    fn body_length(&self) -> Option<usize> {
        match self {
            Self::Finished(call) => match &call.end {
                CallEnd::Value(value) => inline_length(std::slice::from_ref(value)),
                CallEnd::Failed(_) | CallEnd::Stopped => Some(0),
            },
            Self::Hello(_) | Self::Withdrawn { .. } => Some(0),
        }
    }
}

/// How many bytes the inline ones among these values have.
#[inline]
pub(crate) fn inline_length(values: &[WireValue]) -> Option<usize> {
    values.iter().try_fold(0_usize, |sum, value| match value {
        WireValue::Inline(length) => sum.checked_add(usize::try_from(*length).ok()?),
        WireValue::Reference(_) => Some(sum),
    })
}
