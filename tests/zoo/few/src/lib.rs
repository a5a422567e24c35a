//! Nothing: what it depends on is compiled.
