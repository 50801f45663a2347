//! Local variables that held a key or a plaintext, and what is left of them on the stack.

use std::hint::black_box;

/// How much of the stack is overwritten, in bytes: more than any work here uses.
const STACK_BYTES: usize = 16 * 1024;

/// Does work whose local variables hold keys or plaintexts, and overwrites the part of the stack
/// that it used, where copies of them stay behind.
///
/// What the work returns must keep its secrets on the heap, or it is copied out of that part.
pub fn leaving_nothing<T>(work: impl FnOnce() -> T) -> T {
    let result = apart(work);
    overwrite();
    result
}

/// Keeps the variables of the work below the frame of the caller.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite() {
    // The compiler must take it that somebody reads the zeros.
    black_box(&mut [0_u8; STACK_BYTES]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_of_the_work_comes_back() {
        assert_eq!(leaving_nothing(|| "kept".to_owned()), "kept");
    }
}
