//! `tokio::sync`'s API, on tokio itself and on ours: what passes on tokio must pass on ours. Tests
//! of our additions are in `ours.rs`.

mod on_lockprof;
mod on_tokio;
#[cfg(feature = "profile")]
mod ours;
#[cfg(feature = "profile")]
mod waiting;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts its wakeups.
#[derive(Default)]
struct Alarm(AtomicUsize);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future polled by hand.
struct Task<F: Future> {
    future: Pin<Box<F>>,
    alarm: Arc<Alarm>,
}

impl<F: Future> Task<F> {
    fn new(future: F) -> Self {
        Task {
            future: Box::pin(future),
            alarm: Arc::default(),
        }
    }

    fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.alarm));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls; the future must be ready. Returns its output.
    #[track_caller]
    fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it is not ready"),
        }
    }

    #[track_caller]
    fn pending(&mut self) {
        assert!(self.poll().is_pending(), "it does not wait");
    }

    fn woken(&self) -> usize {
        self.alarm.0.load(Ordering::Relaxed)
    }
}

/// Polls once; the future must be ready.
#[track_caller]
fn now<F: Future>(future: F) -> F::Output {
    Task::new(future).ready()
}
