// Who waits for one another, and what is stuck, in the words of the text report.

/** A wait this long is stuck. */
const STUCK_NS = 10e9;
/** Where the holder has exited, it is one after this time. */
const LEFT_NS = 1e9;

/** The findings about waits that do not end, as `findings` returns them. */
function endlessFindings({ deadlocks, waiters }) {
  const circles = deadlocks.map(({ certain = false, waits }) => ({
    kind: "loss", figure: count(waits.length), unit: waits.length === 1 ? "thread" : "threads",
    parts: [circleTitle(waits.length, certain), ...waits.flatMap(step)],
  }));
  return [...circles, ...stuckFindings(waiters, deadlocks)];
}

function circleTitle(threads, certain) {
  const who = threads === 1 ? "a thread waits for itself" : `${threads} threads wait for one another`;
  return certain ? `Deadlock: ${who}, for ever.`
    : `Possible deadlock: ${who}, unless another reader is the one that is waited for, or a wait has a time limit.`;
}

function step({ thread, waited_ns, site, lock, holder }) {
  const itself = JSON.stringify(thread) === JSON.stringify(holder.thread);
  return [
    " ", ...threadWords(thread), ` has waited ${duration(waited_ns)} at `, quoted(placeName(site, false)), " for ", quoted(lockName(lock, false)),
    ", which ", ...(itself ? ["it"] : threadWords(holder.thread)), " acquired at ", quoted(placeName(holder.site, false)), ".",
  ];
}

/** One for each lock that others are stuck at. */
function stuckFindings(waiters, deadlocks) {
  const circles = new Set(deadlocks.flatMap(({ waits }) => waits.map((wait) => JSON.stringify(wait))));
  const left = (holder) => Boolean(holder?.exited) && holder.mode !== "shared";
  const isStuck = (wait) => wait.waited_ns >= STUCK_NS || (left(wait.holder) && wait.waited_ns >= LEFT_NS);
  const locks = new Map();
  for (const wait of waiters) {
    if (!isStuck(wait) || circles.has(JSON.stringify(wait))) continue;
    const key = JSON.stringify([wait.lock, wait.address, wait.holder]);
    if (!locks.has(key)) locks.set(key, []);
    locks.get(key).push(wait);
  }
  return [...locks.values()].map((waits) => {
    const [{ thread, waited_ns, lock, holder }] = waits;
    const who = waits.length === 1 ? [...threadWords(thread), " has"] : [`${count(waits.length)} threads have`];
    const acquired = holder && [holder.exited ? "a thread that has exited" : threadWords(holder.thread), " acquired at ", quoted(placeName(holder.site, false))].flat();
    return {
      kind: "loss", figure: count(waits.length), unit: waits.length === 1 ? "thread" : "threads",
      parts: ["Stuck: ", ...who, ` waited ${duration(waited_ns)} for `, quoted(lockName(lock, false)), ...(holder ? [", which ", ...acquired] : [", whose holder is not known"]), "."],
    };
  });
}

function threadWords(thread) {
  if (!thread) return ["an unknown thread"];
  return thread.name ? [quoted(printable(thread.name)), ` (${thread.id})`] : [`thread ${thread.id}`];
}

function quoted(text) {
  return { code: elide(text, 80), title: text };
}
