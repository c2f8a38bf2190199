//! The kinds of the system's errors as numbers.

use std::io::ErrorKind;

/// Every kind that is told apart, by its number less one. New ones go to the end.
const KINDS: [ErrorKind; 38] = [
    ErrorKind::NotFound,
    ErrorKind::PermissionDenied,
    ErrorKind::ConnectionRefused,
    ErrorKind::ConnectionReset,
    ErrorKind::HostUnreachable,
    ErrorKind::NetworkUnreachable,
    ErrorKind::ConnectionAborted,
    ErrorKind::NotConnected,
    ErrorKind::AddrInUse,
    ErrorKind::AddrNotAvailable,
    ErrorKind::NetworkDown,
    ErrorKind::BrokenPipe,
    ErrorKind::AlreadyExists,
    ErrorKind::WouldBlock,
    ErrorKind::NotADirectory,
    ErrorKind::IsADirectory,
    ErrorKind::DirectoryNotEmpty,
    ErrorKind::ReadOnlyFilesystem,
    ErrorKind::StaleNetworkFileHandle,
    ErrorKind::InvalidInput,
    ErrorKind::InvalidData,
    ErrorKind::TimedOut,
    ErrorKind::WriteZero,
    ErrorKind::StorageFull,
    ErrorKind::NotSeekable,
    ErrorKind::QuotaExceeded,
    ErrorKind::FileTooLarge,
    ErrorKind::ResourceBusy,
    ErrorKind::ExecutableFileBusy,
    ErrorKind::Deadlock,
    ErrorKind::CrossesDevices,
    ErrorKind::TooManyLinks,
    ErrorKind::InvalidFilename,
    ErrorKind::ArgumentListTooLong,
    ErrorKind::Interrupted,
    ErrorKind::Unsupported,
    ErrorKind::UnexpectedEof,
    ErrorKind::OutOfMemory,
];

/// The number of a kind; 0 for one that has none.
pub(super) fn number(kind: ErrorKind) -> u8 {
    let place = KINDS.iter().position(|known| *known == kind);
    place.map_or(0, |place| u8::try_from(place + 1).unwrap_or(0))
}

/// The kind of a number.
pub(super) fn kind(number: u8) -> ErrorKind {
    let place = usize::from(number).checked_sub(1);
    place
        .and_then(|place| KINDS.get(place).copied())
        .unwrap_or(ErrorKind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_for_kinds() {
        for known in KINDS {
            assert_eq!(kind(number(known)), known);
        }
        assert_eq!(number(ErrorKind::NotFound), 1);
        assert_eq!(number(ErrorKind::OutOfMemory), 38);
        assert_eq!((number(ErrorKind::Other), kind(0)), (0, ErrorKind::Other));
        assert_eq!(kind(u8::MAX), ErrorKind::Other);
    }
}
