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
mod text;
mod wire;
