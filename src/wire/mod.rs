//! Bytes ↔ types, pure.
