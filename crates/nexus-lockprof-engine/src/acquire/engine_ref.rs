//! Which engine a lock reports to.

use crate::acquire::{leased, thread};
use crate::core::{Core, GLOBAL};
use crate::engine::{Engine, Inner};
use crate::identity::PointKey;
use crate::record::hot::Probe;
use crate::record::shard::Shard;
use std::marker::PhantomData;

/// The engine to which a lock reports: [`Global`], at no cost in the lock, or an [`Engine`] value.
///
/// Sealed: only this crate implements it.
pub trait EngineRef: Clone + Send + Sync + 'static + sealed::Sealed {
    /// The engine of a lock that a constant creates.
    // A const with interior mutability is copied at each use: wanted here, as in lock_api.
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self;

    /// Asks the calling thread's cache about an acquisition.
    #[doc(hidden)]
    fn probe(&self, key: PointKey) -> Probe<'_>;

    /// The calling thread's shard, if it has one.
    #[doc(hidden)]
    fn own_shard(&self) -> Option<OwnShard<'_>>;

    /// The engine, if there is one.
    #[doc(hidden)]
    fn core(&self) -> Option<&Core>;
}

/// A shard whose lease the calling thread has.
///
/// It stays in its thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<nexus_lockprof_engine::adaptor::OwnShard<'static>>();
/// ```
///
/// ```compile_fail,E0277
/// fn share<T: Sync>() {}
/// share::<nexus_lockprof_engine::adaptor::OwnShard<'static>>();
/// ```
#[derive(Debug)]
pub struct OwnShard<'a>(pub(crate) &'a Shard, pub(crate) PhantomData<*mut ()>);

impl<'a> OwnShard<'a> {
    /// The caller has just found that the calling thread has the lease of `shard`.
    #[inline(always)]
    fn new(shard: &'a Shard) -> Self {
        OwnShard(shard, PhantomData)
    }

    /// Whether the thread holds a lock that is known.
    #[inline(always)]
    #[must_use]
    pub fn holds_some(&self) -> bool {
        self.0.pool.holds_some()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Global {}
    impl Sealed for super::Engine {}
}

/// The process-wide engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Global;

impl EngineRef for Global {
    const INIT: Self = Global;

    #[inline(always)]
    fn probe(&self, key: PointKey) -> Probe<'_> {
        // SAFETY: `global_hot` is valid for the rest of the process.
        let hot = unsafe { &*thread::global_hot() };
        hot.probe(key, || GLOBAL.is_off())
    }

    #[inline(always)]
    fn own_shard(&self) -> Option<OwnShard<'_>> {
        // SAFETY: `global_hot` is valid for the rest of the process.
        unsafe { &*thread::global_hot() }.shard().map(OwnShard::new)
    }

    #[inline(always)]
    fn core(&self) -> Option<&Core> {
        Some(&GLOBAL)
    }
}

impl EngineRef for Engine {
    const INIT: Self = Engine(Inner::Detached);

    #[inline]
    fn probe(&self, key: PointKey) -> Probe<'_> {
        let core = match &self.0 {
            Inner::Detached => return Probe::Off,
            Inner::Global => return EngineRef::probe(&Global, key),
            Inner::Local(core) => core,
        };
        match leased::leased(core) {
            Some(shard) => shard.hot.probe(key, || core.is_off()),
            None if core.is_off() => Probe::Off,
            None => Probe::Cold,
        }
    }

    fn own_shard(&self) -> Option<OwnShard<'_>> {
        match &self.0 {
            Inner::Detached => None,
            Inner::Global => EngineRef::own_shard(&Global),
            Inner::Local(core) => leased::leased(core).map(OwnShard::new),
        }
    }

    fn core(&self) -> Option<&Core> {
        match &self.0 {
            Inner::Detached => None,
            Inner::Global => Some(&GLOBAL),
            Inner::Local(core) => Some(core),
        }
    }
}
