// Behind whom each point waited.

/**
 * Gives each point its `behind`: the points that held the lock while it waited, the longest first. And its `kept`: the
 * points that waited while it held the lock, without a name where that is not known.
 */
function readEdges(points, edges) {
  const key = (end) => JSON.stringify([end.lock, end.mode, end.site]);
  const byKey = new Map(points.map((point) => [point.key, point]));
  for (const point of points) Object.assign(point, { behind: [], kept: [] });
  for (const { waiting, holding, waits = 0, waited_ns = 0 } of edges) {
    const point = waiting && byKey.get(key(waiting));
    const holder = byKey.get(key(holding));
    holder?.kept.push({ name: point?.siteName ?? "(others)", mode: point?.mode, key: point?.key, waited_ns });
    if (!point) continue;
    const lock = holder ? holder.lockKey : JSON.stringify(holding.lock);
    // Only a point of the rest has another lock.
    const of = lock === point.lockKey || !holding.site.line ? "" : ` ${lockName(holding.lock, false)}`;
    const name = holder === point ? "itself" : (holder?.siteName ?? placeName(holding.site, true)) + of;
    point.behind.push({ name, mode: holder === point || !holding.site.line ? "" : holding.mode, waits, waited_ns });
  }
}

/** Each holder's share of a point's waiting: of its time or, if no time is known, of its waits. */
function holderShares(point) {
  const sum = (of) => point.behind.reduce((all, holder) => all + holder[of], 0);
  const of = sum("waited_ns") > 0 ? "waited_ns" : "waits";
  const whole = sum(of);
  return point.behind.map((holder) => ({ ...holder, share: percent(holder[of], whole) }));
}

const CAUSES = {
  writer_behind_readers: "writer behind readers",
  writer_behind_writer: "writer behind a writer",
  writer_behind_upgradable: "writer behind an upgradable reader",
  reader_behind_writer: "reader behind a writer",
  reader_behind_waiting_writer: "reader behind a waiting writer",
  upgradable_behind_writer: "upgradable reader behind a writer",
  upgradable_behind_upgradable: "upgradable reader behind another",
  upgradable_behind_waiting_writer: "upgradable reader behind a waiting writer",
  upgrade: "upgrade behind readers",
  unknown: "not known behind whom",
};

/** Gives each point its `rwlock`: why threads waited for its lock, or null if that is no reader-writer lock. */
function readRwLocks(points, rwlocks) {
  const byLock = new Map(rwlocks.map((of) => [JSON.stringify(of.lock), of]));
  for (const point of points) point.rwlock = byLock.get(point.lockKey) ?? null;
}

/** Each cause with its share of the time or, if no time is known, of the waits. */
function causeShares({ causes }) {
  const sum = (of) => causes.reduce((all, cause) => all + cause[of], 0);
  const of = sum("waited_ns") > 0 ? "waited_ns" : "waits";
  const whole = sum(of);
  return causes.map((cause) => ({ ...cause, words: CAUSES[cause.cause] ?? cause.cause, share: percent(cause[of], whole) }));
}

/** How many waits a reader-writer lock had, and how many readers. */
function rwlockWords({ waits, short_waits, long_waits, gave_up, readers, most_readers }) {
  const gaveUp = gave_up > 0 ? `, ${digits(gave_up)} gave up` : "";
  const about = readers?.is_partial ? "at least " : readers?.is_estimate ? "about " : "";
  const average = readers ? `${about}${readers.share.toFixed(2)} readers on average` : "readers not measured";
  const most = most_readers ? `, at least ${most_readers} at once as seen by those who waited` : "";
  return `${plural(waits, "wait")} (${digits(short_waits)} short, ${digits(long_waits)} long${gaveUp}); ${average}${most}.`;
}
