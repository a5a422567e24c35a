//! Integration tests of the endpoint.

#[cfg(test)] // its helpers are tests, too
#[cfg(unix)]
mod endpoint;
