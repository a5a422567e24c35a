//! A bounded queue. The reader stops when the workers fall behind, so memory does not grow with the
//! tree.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use nexus_lockprof::{Condvar, Mutex};

/// A first-in, first-out queue of at most `capacity` items.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    not_empty: Condvar,
    not_full: Condvar,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

/// The error for a closed queue. It returns the item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed<T>(pub(crate) T);

impl<T> Queue<T> {
    /// An empty, open queue.
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Queue {
            state: Mutex::named(
                "queue",
                State {
                    items: VecDeque::new(),
                    closed: false,
                },
            ),
            not_empty: Condvar::new(),
            not_full: Condvar::new(),
            capacity: capacity.get(),
        }
    }

    /// Adds an item, and waits while the queue is full.
    ///
    /// # Errors
    ///
    /// Returns the item if the queue is closed before or during the wait.
    pub(crate) fn push(&self, item: T) -> Result<(), Closed<T>> {
        let mut state = self.state.lock();
        while state.items.len() >= self.capacity && !state.closed {
            self.not_full.wait(&mut state);
        }
        if state.closed {
            return Err(Closed(item));
        }
        state.items.push_back(item);
        // Notify after unlocking: otherwise the woken thread would find the lock taken.
        drop(state);
        self.not_empty.notify_one();
        Ok(())
    }

    /// Takes the oldest item, and waits while the queue is empty and open. `None` if it is closed
    /// and drained.
    pub(crate) fn pop(&self) -> Option<T> {
        let mut state = self.state.lock();
        while state.items.is_empty() && !state.closed {
            self.not_empty.wait(&mut state);
        }
        let item = state.items.pop_front();
        drop(state);
        if item.is_some() {
            self.not_full.notify_one();
        }
        item
    }

    /// Closes the queue: it accepts no more items, but those inside can still be taken.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.not_empty.notify_all();
        self.not_full.notify_all();
    }

    /// Closes the queue when the returned value is dropped, by return or by panic.
    ///
    /// Every thread at either end holds one, so that no thread waits for a dead one.
    pub(crate) fn close_on_drop(&self) -> CloseOnDrop<'_, T> {
        CloseOnDrop(self)
    }

    /// Items inside.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().items.len()
    }
}

/// See [`Queue::close_on_drop`].
pub(crate) struct CloseOnDrop<'q, T>(&'q Queue<T>);

impl<T> Drop for CloseOnDrop<'_, T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;
    use crate::args::at_least_one;

    fn queue<T>(capacity: usize) -> Queue<T> {
        Queue::new(at_least_one(capacity))
    }

    #[test]
    fn items_come_out_in_the_order_they_went_in() {
        let queue = queue(3);
        for item in 1..=3 {
            assert_eq!(queue.push(item), Ok(()));
        }
        assert_eq!(queue.len(), 3);
        assert_eq!(
            [queue.pop(), queue.pop(), queue.pop()].map(Option::unwrap_or_default),
            [1, 2, 3]
        );
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_closed_queue_drains_and_takes_nothing() {
        let queue = queue(2);
        assert_eq!(queue.push("kept"), Ok(()));
        queue.close();
        assert_eq!(queue.push("late"), Err(Closed("late")));
        assert_eq!(queue.pop(), Some("kept"));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn the_bound_holds_and_nothing_is_lost() {
        const PRODUCERS: u64 = 3;
        const EACH: u64 = 2_000;
        let queue = queue(4);
        let sum: u64 = thread::scope(|scope| {
            let consumers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut sum = 0;
                        while let Some(item) = queue.pop() {
                            assert!(queue.len() <= queue.capacity);
                            sum += item;
                        }
                        sum
                    })
                })
                .collect();
            let producers: Vec<_> = (0..PRODUCERS)
                .map(|producer| {
                    let queue = &queue;
                    scope.spawn(move || {
                        for n in 0..EACH {
                            assert_eq!(queue.push(producer * EACH + n), Ok(()));
                        }
                    })
                })
                .collect();
            for producer in producers {
                assert!(producer.join().is_ok());
            }
            queue.close();
            consumers
                .into_iter()
                .map(|c| c.join().unwrap_or_default())
                .sum()
        });
        let all = PRODUCERS * EACH;
        assert_eq!(sum, all * (all - 1) / 2);
    }

    /// Runs `wait` and `wake` side by side many times. In some rounds the waiter already sleeps.
    fn rounds(wait: impl Fn(&Queue<u32>) + Sync, wake: impl Fn(&Queue<u32>)) {
        for round in 0..200 {
            let queue = queue(1);
            let start = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    wait(&queue);
                });
                start.wait();
                for _ in 0..round {
                    thread::yield_now();
                }
                wake(&queue);
            });
        }
    }

    #[test]
    fn close_wakes_a_waiting_consumer() {
        rounds(|queue| assert_eq!(queue.pop(), None), Queue::close);
    }

    #[test]
    fn close_wakes_a_waiting_producer() {
        rounds(
            |queue| {
                let first = queue.push(1);
                let second = queue.push(2);
                assert!(first.is_err() || second == Err(Closed(2)));
            },
            Queue::close,
        );
    }

    #[test]
    fn a_producer_that_dies_ends_the_queue() {
        let queue = queue(2);
        thread::scope(|scope| {
            let producer = scope.spawn(|| {
                let _closer = queue.close_on_drop();
                assert_eq!(queue.push(7), Ok(()));
                std::panic::resume_unwind(Box::new("dies"));
            });
            assert_eq!(queue.pop(), Some(7));
            assert_eq!(queue.pop(), None);
            assert!(producer.join().is_err());
        });
    }
}
