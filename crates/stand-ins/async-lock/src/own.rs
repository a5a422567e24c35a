//! Async-lock's own guards and futures, for locks without data.

pub(crate) type Mutex<'a> = real::MutexGuard<'a, ()>;
pub(crate) type Read<'a> = real::RwLockReadGuard<'a, ()>;
pub(crate) type Upgradable<'a> = real::RwLockUpgradableReadGuard<'a, ()>;
pub(crate) type Write<'a> = real::RwLockWriteGuard<'a, ()>;
pub(crate) type Permit<'a> = real::SemaphoreGuard<'a>;

pub(crate) type MutexFuture<'a> = real::futures::Lock<'a, ()>;
pub(crate) type ReadFuture<'a> = real::futures::Read<'a, ()>;
pub(crate) type UpgradableFuture<'a> = real::futures::UpgradableRead<'a, ()>;
pub(crate) type WriteFuture<'a> = real::futures::Write<'a, ()>;
pub(crate) type PermitFuture<'a> = real::futures::Acquire<'a>;
pub(crate) type UpgradeFuture<'a> = real::futures::Upgrade<'a, ()>;
