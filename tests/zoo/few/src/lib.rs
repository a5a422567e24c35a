//! Empty: only its dependencies get compiled.
