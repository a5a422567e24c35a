// Who waits for one another, in the words of the text report.

/** The findings about deadlocks, as `findings` returns them. */
function deadlockFindings({ deadlocks }) {
  return deadlocks.map(({ certain = false, waits }) => ({
    kind: "loss", figure: count(waits.length), unit: waits.length === 1 ? "thread" : "threads",
    parts: [circleTitle(waits.length, certain), ...waits.flatMap(step)],
  }));
}

function circleTitle(threads, certain) {
  const who = threads === 1 ? "a thread waits for itself" : `${threads} threads wait for one another`;
  return certain ? `Deadlock: ${who}, for ever.`
    : `Possible deadlock: ${who}, unless another reader is the one that is waited for, or a wait has a time limit.`;
}

function step({ thread, waited_ns, site, lock, holder }) {
  const itself = JSON.stringify(thread) === JSON.stringify(holder.thread);
  return [
    " ", ...threadWords(thread), ` has waited ${duration(waited_ns)} at `, code(placeName(site, false)), " for ", code(lockName(lock, false)),
    ", which ", ...(itself ? ["it"] : threadWords(holder.thread)), " acquired at ", code(placeName(holder.site, false)), ".",
  ];
}

function threadWords(thread) {
  return thread ? threadName(thread) : ["an unknown thread"];
}
