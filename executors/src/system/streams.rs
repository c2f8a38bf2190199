/// Writes out what C code of this process has printed and still keeps in its buffers.
pub(crate) fn flush_c_streams() {
    // SAFETY: a null stream asks for all of them, which is defined at any time.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}
