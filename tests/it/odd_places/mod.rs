//! Locks where a profiler could be in the way.
