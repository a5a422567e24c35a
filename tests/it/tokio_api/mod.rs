//! `tokio::sync`'s API, on tokio itself and on ours: what passes on tokio must pass on ours. What only ours has is in
//! `ours.rs`.

mod on_lockprof;
mod on_tokio;
#[cfg(feature = "profile")]
mod ours;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts how often it was woken.
#[derive(Default)]
struct Alarm(AtomicUsize);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future that is polled by hand.
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

    /// What it gives, which must be there.
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

/// Polls once; it must be ready.
#[track_caller]
fn now<F: Future>(future: F) -> F::Output {
    Task::new(future).ready()
}
