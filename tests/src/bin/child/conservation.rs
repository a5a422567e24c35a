//! Conservation in the global engine, with nothing else in the process.

use nexus_lockprof::engine::{Engine, Global};
use nexus_lockprof_tests::conservation::{Plan, check, run};

pub(crate) fn main(modes: &str, is_capped: bool) {
    let Some((modes, seed)) = Plan::modes_named(modes) else {
        panic!("no such modes: {modes:?}")
    };
    let threads = if is_capped { 300 } else { 1000 };
    let plan = Plan {
        modes,
        threads,
        seed,
        caps: is_capped.then_some((6, 40)),
    };
    check(&run(&Global, &Engine::global(), plan), plan);
}
