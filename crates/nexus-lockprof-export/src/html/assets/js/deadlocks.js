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
    " ", ...threadWords(thread), ` has waited ${duration(waited_ns)} at `, quoted(placeName(site, false)), " for ", quoted(lockName(lock, false)),
    ", which ", ...(itself ? ["it"] : threadWords(holder.thread)), " acquired at ", quoted(placeName(holder.site, false)), ".",
  ];
}

function threadWords(thread) {
  if (!thread) return ["an unknown thread"];
  return thread.name ? [quoted(printable(thread.name)), ` (${thread.id})`] : [`thread ${thread.id}`];
}

function quoted(text) {
  return { code: elide(text, 80), title: text };
}
