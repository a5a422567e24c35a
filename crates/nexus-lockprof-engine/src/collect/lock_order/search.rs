//! Which classes form a cycle, found within a bounded number of steps.
//!
//! A cycle stays within one strongly connected component, so only pairs inside of one are searched.
//! From each of them, the search follows the ways back to its beginning, the shortest first. If
//! locks around it make a way harmless, it goes on with the next one.

use std::collections::{BTreeMap, VecDeque};

/// Classes of the longest cycle that is looked for.
const LONGEST: usize = 8;
/// Steps that the search from one pair of classes takes at most.
const STEPS_OF_PAIR: usize = 1 << 14;
/// Steps that one search takes at most.
const STEPS: usize = 1 << 20;
/// Steps that each cycle counts for when it is offered.
const STEPS_OF_CYCLE: usize = 64;

/// The classes, numbered from 0, and which of them are wanted while each is held.
pub(super) struct Search {
    classes: Vec<u32>,
    wanted: Vec<Vec<usize>>,
    /// Steps that are left.
    steps: usize,
}

/// The ways back to one class.
struct Ways<'a, T> {
    search: &'a Search,
    /// Number of pairs from each class to the first of the cycle, if that is near enough.
    distance: Vec<Option<usize>>,
    accept: &'a mut dyn FnMut(&[u32]) -> Option<T>,
    chosen: Vec<usize>,
    /// Steps that are left, and whether they sufficed so far.
    steps: usize,
    is_complete: bool,
}

impl Search {
    /// Prepares a search among these pairs of different classes, in ascending order.
    pub(super) fn new(pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let numbers = pairs.clone().flat_map(|(held, wanted)| [held, wanted]);
        let mut classes: Vec<u32> = numbers.collect();
        classes.sort_unstable();
        classes.dedup();
        let places = classes.iter().enumerate();
        let places: BTreeMap<u32, usize> = places.map(|(place, &class)| (class, place)).collect();
        let mut all = vec![Vec::new(); classes.len()];
        let mut back = vec![Vec::new(); classes.len()];
        for (held, wanted) in pairs {
            if let (Some(&held), Some(&wanted)) = (places.get(&held), places.get(&wanted)) {
                push(&mut all, held, wanted);
                push(&mut back, wanted, held);
            }
        }
        let component = components(&all, &back);
        for (held, list) in all.iter_mut().enumerate() {
            list.retain(|&wanted| component.get(held) == component.get(wanted));
        }
        Search {
            classes,
            wanted: all,
            steps: STEPS,
        }
    }

    /// The pairs of classes that can be part of a cycle, in ascending order.
    pub(super) fn pairs(&self) -> Vec<(u32, u32)> {
        let lists = self.classes.iter().zip(&self.wanted);
        let pairs = lists.flat_map(|(&held, list)| {
            let wanted = list.iter().filter_map(|&place| self.classes.get(place));
            wanted.map(move |&wanted| (held, wanted))
        });
        pairs.collect()
    }

    /// Offers `accept` the cycles of at least three classes that begin with this pair, the shortest
    /// first, until it takes one, and returns its result. `Err` if there may be another one.
    pub(super) fn cycle_of<T>(
        &mut self,
        (held, wanted): (u32, u32),
        accept: &mut dyn FnMut(&[u32]) -> Option<T>,
    ) -> Result<Option<T>, Unsearched> {
        let place = |class| self.classes.binary_search(&class).map_err(|_| Unsearched);
        let (held, wanted) = (place(held)?, place(wanted)?);
        let steps = STEPS_OF_PAIR.min(self.steps);
        let mut ways = Ways {
            search: self,
            distance: Vec::new(),
            accept,
            chosen: vec![held, wanted],
            steps,
            is_complete: true,
        };
        ways.measure(held);
        let mut found = None;
        for length in 3..=LONGEST {
            if found.is_none() {
                found = ways.go_on(length);
            }
        }
        let (left, is_complete) = (ways.steps, ways.is_complete);
        self.steps -= steps - left;
        match (found, is_complete) {
            (None, false) => Err(Unsearched),
            (found, _) => Ok(found),
        }
    }
}

/// The search from a pair ended before all its cycles were seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unsearched;

impl<T> Ways<'_, T> {
    /// Takes one step, if one is left.
    fn step(&mut self) -> bool {
        match self.steps.checked_sub(1) {
            Some(left) => self.steps = left,
            None => self.is_complete = false,
        }
        self.is_complete
    }

    /// Finds how far each class is from `first`, against the direction of the pairs. The component
    /// is strongly connected, so a class that wants another one is reached from it as well.
    fn measure(&mut self, first: usize) {
        let mut back: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let search = self.search;
        let mut reached = vec![false; search.classes.len()];
        let mut queue = VecDeque::from([(first, 0)]);
        mark(&mut reached, first);
        // Which pairs can be part of a way back: those near enough in their own direction.
        while let Some((class, distance)) = queue.pop_front() {
            for &next in search.wanted.get(class).into_iter().flatten() {
                if !self.step() {
                    return;
                }
                back.entry(next).or_default().push(class);
                if distance + 1 < LONGEST && mark(&mut reached, next) {
                    queue.push_back((next, distance + 1));
                }
            }
        }
        self.distance = vec![None; search.classes.len()];
        let mut queue = VecDeque::from([(first, 0)]);
        while let Some((class, distance)) = queue.pop_front() {
            for &before in back.get(&class).into_iter().flatten() {
                if !self.step() {
                    return;
                }
                if let Some(place @ None) = self.distance.get_mut(before) {
                    *place = Some(distance + 1);
                    queue.push_back((before, distance + 1));
                }
            }
        }
    }

    /// The first cycle of `length` classes that begins with those chosen, and that is accepted.
    fn go_on(&mut self, length: usize) -> Option<T> {
        let (&first, &last) = (self.chosen.first()?, self.chosen.last()?);
        let left = length - self.chosen.len();
        let search = self.search;
        for &next in search.wanted.get(last).into_iter().flatten() {
            if !self.step() {
                return None;
            }
            if left == 0 {
                if next == first {
                    self.steps = self.steps.saturating_sub(STEPS_OF_CYCLE);
                    let classes = self.chosen.iter();
                    let classes = classes.filter_map(|&place| search.classes.get(place).copied());
                    return (self.accept)(&classes.collect::<Vec<u32>>());
                }
                continue;
            }
            let distance = self.distance.get(next).copied().flatten();
            let is_near = distance.is_some_and(|distance| distance <= left);
            if is_near && !self.chosen.contains(&next) {
                self.chosen.push(next);
                let found = self.go_on(length);
                self.chosen.pop();
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }
}

fn push(lists: &mut [Vec<usize>], at: usize, value: usize) {
    if let Some(list) = lists.get_mut(at) {
        list.push(value);
    }
}

/// Marks a class. Whether it was not marked before.
fn mark(marks: &mut [bool], class: usize) -> bool {
    marks
        .get_mut(class)
        .is_some_and(|mark| !std::mem::replace(mark, true))
}

/// The strongly connected component of each class, by Kosaraju's algorithm: one walk in the
/// direction of the pairs, and one against it that begins with the classes that the first walk left
/// last.
fn components(wanted: &[Vec<usize>], back: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; wanted.len()];
    let mut order = Vec::with_capacity(wanted.len());
    for first in 0..wanted.len() {
        walk(wanted, first, &mut seen, |class| order.push(class));
    }
    let mut seen = vec![false; wanted.len()];
    let mut component = vec![0; wanted.len()];
    for &first in order.iter().rev() {
        walk(back, first, &mut seen, |class| {
            if let Some(place) = component.get_mut(class) {
                *place = first;
            }
        });
    }
    component
}

/// Walks depth-first over classes that were not seen, and calls `leave` with each as it leaves it.
fn walk(lists: &[Vec<usize>], first: usize, seen: &mut [bool], mut leave: impl FnMut(usize)) {
    if !mark(seen, first) {
        return;
    }
    let mut way = vec![(first, 0)];
    while let Some((class, at)) = way.last_mut() {
        let next = lists.get(*class).and_then(|list| list.get(*at));
        *at += 1;
        match next {
            Some(&next) if mark(seen, next) => way.push((next, 0)),
            Some(_) => {}
            None => {
                leave(*class);
                way.pop();
            }
        }
    }
}
