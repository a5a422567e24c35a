//! Integration tests of the exporters: one binary, a module per format.

mod csv;
mod folded;
mod golden;
mod html;
#[cfg(feature = "otlp")]
mod otlp;
mod pprof;
mod prometheus;
mod rich;
#[cfg(test)] // its helpers are tests, too
#[cfg(all(feature = "serve", unix))]
mod serve;
mod text;
mod wire;
