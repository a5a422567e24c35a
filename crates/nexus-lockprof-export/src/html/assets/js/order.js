// Locks that were acquired while others were held, in the words of the text report.

const MOST_POTENTIAL = 12;
const MOST_STEPS = 12;

/** What a pair of locks can lead to, the most dangerous first. */
const DANGERS = ["potential deadlock", "recursive read", "potential deadlock with a writer", "guarded", "-"];

/** The potential deadlocks, as parts of sentences: `{ title, steps, hidden }`, where `hidden` counts the steps that are left out. */
function potentialDeadlocks({ potential }) {
  return [...potential].sort((a, b) => dangerOf(a) - dangerOf(b)).map(({ needs_writer = false, steps }) => ({
    title: orderTitle(steps, needs_writer),
    steps: steps.slice(0, MOST_STEPS).map(orderStep),
    hidden: Math.max(0, steps.length - MOST_STEPS),
  }));
}

function orderTitle(steps, needsWriter) {
  if (isRecursiveRead(steps)) return "Recursive read: a thread read a lock that it already read. It can wait for ever if a writer comes in between.";
  const writer = needsWriter ? " It takes a waiting writer between the readers." : "";
  return `Potential deadlock: ${plural(steps.length, "lock")} were acquired in different orders.${writer}`;
}

/** The number of a danger. */
function dangerOf({ needs_writer = false, steps }) {
  return isRecursiveRead(steps) ? 1 : needs_writer ? 2 : 0;
}

function isRecursiveRead(steps) {
  return steps.length === 1 && Boolean(steps[0].same_lock);
}

function orderStep({ held, wanted, thread, count: times = 0 }) {
  const who = thread ? threadName(thread) : ["a thread"];
  const end = ({ lock, site }) => [code(lockName(lock, false)), " (", code(placeName(site, false)), ")"];
  return [...who, " held ", ...end(held), " and acquired ", ...end(wanted), times === 1 ? ", once." : `, ${digits(times)} times.`];
}

/** The pairs of locks, the dangerous first: `{ key, held, wanted, danger, thread, count }`, where `held` and `wanted` have `lock` and `site`. */
function lockPairs({ lockOrder, potential }) {
  const dangers = new Map();
  for (const of of potential) {
    const danger = dangerOf(of);
    for (const step of of.steps) dangers.set(pairKey(step), Math.min(danger, dangers.get(pairKey(step)) ?? danger));
  }
  const pairs = lockOrder.map((pair) => ({
    key: pairKey(pair), held: endOf(pair.held), wanted: endOf(pair.wanted), thread: pair.thread ? threadText(pair.thread) : "-", count: pair.count ?? 0,
    danger: dangers.get(pairKey(pair)) ?? (pair.guarded ? 3 : 4),
  }));
  return pairs.sort((a, b) => a.danger - b.danger || b.count - a.count);
}

function pairKey({ held, wanted, same_lock = false, guarded = false }) {
  return JSON.stringify([held.lock, held.mode, wanted.lock, wanted.mode, same_lock, guarded]);
}

function endOf({ lock, mode, site }) {
  return { lock: lockName(lock, false), isPlace: Boolean(lockPlace(lock)), site: placeName(site, false), mode };
}

const PAIR_COLUMNS = [
  ...pairEnd("held", "held", "The lock that the thread held"),
  ...pairEnd("wanted", "then acquired", "The lock that it acquired meanwhile"),
  { id: "danger", head: "order", rank: 0, short: true, text: true, sort: (p) => String(p.danger), show: (p) => DANGERS[p.danger], about: "What the order can lead to; guarded: a third lock was held each time" },
  { id: "thread", head: "first by", rank: 2, short: true, text: true, sort: (p) => p.thread, show: (p) => p.thread, about: "The thread that was the first to do it" },
  { id: "count", head: "times", rank: 0, sort: (p) => p.count, show: (p) => count(p.count), title: (p) => digits(p.count), about: "How often it was seen since the program's start" },
];

function pairEnd(end, group, about) {
  const mode = (p) => (p[end].mode === "exclusive" ? "" : ` (${p[end].mode})`);
  return [
    { id: `${end}_lock`, group, head: "lock", rank: 0, text: true, sort: (p) => p[end].lock, show: (p) => p[end].lock, path: (p) => p[end].isPlace, about },
    { id: `${end}_site`, group, head: "at", rank: 0, text: true, sort: (p) => p[end].site, show: (p) => p[end].site + mode(p), path: () => true, about: `${about}: the place of the acquisition` },
  ];
}

function pairWords(p) {
  return `${p.held.lock} ${p.held.site} ${p.held.mode} ${p.wanted.lock} ${p.wanted.site} ${p.wanted.mode} ${p.thread} ${DANGERS[p.danger]}`;
}
