//! Conservation in the global engine, with nobody else in the process.

use nexus_lockprof::engine::{Engine, Global};
use nexus_lockprof_tests::conservation::{Plan, check, run};

pub(crate) fn main(modes: &str) {
    let Some((modes, seed)) = Plan::modes_named(modes) else {
        panic!("no such modes: {modes:?}")
    };
    let threads = 1000;
    let plan = Plan {
        modes,
        threads,
        seed,
    };
    check(&run(&Global, &Engine::global(), plan), plan);
}
