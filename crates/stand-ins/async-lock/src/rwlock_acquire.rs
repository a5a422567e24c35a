//! The ways to acquire a [`RwLock`].

use crate::future::Acquiring;
use crate::guard::{Guard, READ, UPGRADABLE, WRITE, acquire, auto_traits, is_worth_a_try};
use crate::own;
use crate::reading::{Reader, ReaderArc, Reading, ReadingArc};
use crate::rwlock::RwLock;
use nexus_lockprof_adaptor::ProfiledGuard;
use std::convert::{Infallible, identity};
use std::panic::Location;
use std::sync::Arc;

acquire! {
    [T: ?Sized] RwLock<T>, READ, Read, ReadFuture, [Reader<'l, T>: Reader] => [Reading<'l, T>: Reading::new]:
    read try_read read_blocking
}
acquire! {
    arc [T] RwLock<T>, READ, Read, ReadFuture, [ReaderArc<'l, T>: ReaderArc] => [ReadingArc<T>: ReadingArc::new]:
    read read_arc, try_read try_read_arc, read_blocking read_arc_blocking
}
acquire! {
    [T: ?Sized] RwLock<T>, UPGRADABLE, Upgradable, UpgradableFuture, [&'l Self: identity] => [&'l Self: identity]:
    upgradable_read try_upgradable_read upgradable_read_blocking
}
acquire! {
    arc [T: ?Sized] RwLock<T>, UPGRADABLE, Upgradable, UpgradableFuture, [&'l Arc<Self>: identity] => [Arc<Self>: identity]:
    upgradable_read upgradable_read_arc, try_upgradable_read try_upgradable_read_arc,
    upgradable_read_blocking upgradable_read_arc_blocking
}
acquire! {
    [T: ?Sized] RwLock<T>, WRITE, Write, WriteFuture, [&'l Self: identity] => [&'l Self: identity]:
    write try_write write_blocking
}
acquire! {
    arc [T: ?Sized] RwLock<T>, WRITE, Write, WriteFuture, [&'l Arc<Self>: identity] => [Arc<Self>: identity]:
    write write_arc, try_write try_write_arc, write_blocking write_arc_blocking
}

auto_traits! {
    Read Reading<'_, T>: [Sync + ?Sized] [Sync + ?Sized];
    Read ReadingArc<T>: [Send + Sync] [Send + Sync];
    Upgradable &RwLock<T>: [Send + Sync + ?Sized] [Sync + ?Sized];
    Upgradable Arc<RwLock<T>>: [Send + Sync + ?Sized] [Send + Sync + ?Sized];
    Write &RwLock<T>: [Send + ?Sized] [Sync + ?Sized];
    Write Arc<RwLock<T>>: [Send + Sync + ?Sized] [Send + Sync + ?Sized];
}
