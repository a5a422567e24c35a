//! Integration tests of the exporters: one binary, a module per format.

mod golden;
mod text;
