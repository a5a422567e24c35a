//! Calls the program's handlers.

use crate::acquire::leased;
use crate::event::{Event, Handlers};

impl Handlers {
    /// Calls every handler with every event. A handler that panics is reported and does not stop
    /// the rest.
    pub(crate) fn call(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        // A handler belongs to the program. That holds for whichever thread calls it, or drops it
        // because it was removed meanwhile.
        let _as_program = leased::as_program_thread();
        let Some(list) = self.list.load_full() else {
            return;
        };
        for event in events {
            for (_, handler) in list.iter() {
                handler.call(event);
            }
        }
    }
}
