//! An edge: counted at, taken over, and used for other points.

use super::*;

/// Reads a table as the aggregator does, and adds up the waits of each waiting point.
#[derive(Default)]
struct Reader {
    /// What was last read from each edge, by its address.
    last: Vec<(usize, u64)>,
    sums: [u64; 3],
}

impl Reader {
    fn walk(&mut self, table: &EdgeTable, used: &Witness) {
        table.for_each(|edge, leaves| {
            if leaves {
                used.touch();
            }
            let [waits, _] = edge.sums();
            let address = std::ptr::from_ref(edge).addr();
            let place = self.last.iter().position(|(of, _)| *of == address);
            let before = place.map_or(0, |place| self.last.swap_remove(place).1);
            let grown = waits.checked_sub(before);
            let grown = grown.unwrap_or_else(|| panic!("backwards: {before}, then {waits}"));
            let point = (edge.waiting().0 / 8).checked_sub(1);
            let point = point.unwrap_or_else(|| panic!("of no point")) as usize;
            self.sums[point] += grown;
            if !leaves {
                self.last.push((address, waits));
            }
        });
    }
}

/// No wait is lost or counted twice, and none is counted for the points that come next.
#[test]
fn an_edge_leaves_while_it_is_walked() {
    bounded(3, || {
        let shared = Arc::new((EdgeTable::new(), AtomicUsize::new(0), Witness::new()));
        let aggregator = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let mut reader = Reader::default();
                for _ in 0..2 {
                    reader.walk(&shared.0, &shared.2);
                }
                reader
            }
        });
        let (table, in_all, used) = &*shared;
        let limits = EdgeLimits {
            most: 1,
            most_in_all: 1,
            in_all,
        };
        let count = |i| {
            let made = table.insert(&owner(), key(i), key(2), &limits);
            if let Some(edge) = made {
                bump(&edge.waits, 1);
            }
            u64::from(made.is_some())
        };
        assert_eq!(count(0), 1);
        assert!(table.evict(&owner(), |_| true));
        // Without this, loom explores no order in which the edge has been taken over by now.
        thread::yield_now();
        table.reclaim(&owner());
        let again = count(1);
        if again == 1 {
            used.touch();
        }
        let Ok(mut reader) = aggregator.join() else {
            panic!("the aggregator failed")
        };
        reader.walk(table, used);
        assert_eq!(reader.sums, [1, again, 0], "lost, or counted twice");
    });
}
