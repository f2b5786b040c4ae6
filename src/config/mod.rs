//! Flags, environment and files → one resolved `Settings`, each value with its origin.
