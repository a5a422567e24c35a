//! Integration tests of the exporters: one binary, a module per format.

mod golden;
#[cfg(test)] // its helpers are tests, too
#[cfg(all(feature = "serve", unix))]
mod serve;
mod text;
