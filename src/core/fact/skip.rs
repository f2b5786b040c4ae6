//! What a line of the journal need not say.

/// Whether a count is what one takes it for where it is missing.
pub(super) fn is_zero(n: &(impl Copy + Into<u64>)) -> bool {
    (*n).into() == 0
}
