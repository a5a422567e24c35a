// Why threads waited for a reader-writer lock, in the words of the text report.

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
  const average = readers ? `${marked(averageThreads(readers.share), readers, "at least ", "about ")} readers on average` : "readers not measured";
  const most = most_readers ? `, at least ${most_readers} at once as seen by those who waited` : "";
  return `${plural(waits, "wait")} (${digits(short_waits)} short, ${digits(long_waits)} long${gaveUp}); ${average}${most}.`;
}

/** The reader-writer locks that threads waited for, the longest waiting first: each as in the JSON, with `key`, `lockName` and `waited`. */
function rwlockRows({ rwlocks, points }) {
  const names = new Map(points.map((point) => [point.lockKey, point.lockName]));
  const rows = rwlocks.map((of) => {
    const key = JSON.stringify(of.lock);
    return { ...of, key, lockName: names.get(key) ?? lockName(of.lock, false), isPlace: Boolean(lockPlace(of.lock)), shares: causeShares(of), waited: of.causes.reduce((sum, cause) => sum + cause.waited_ns, 0) };
  });
  return rows.sort((a, b) => b.waited - a.waited);
}

/** `81% writer behind readers: 1.04k waits, 2.56s` */
function causeWords({ share, words, waits, waited_ns }) {
  return `${share} ${words}: ${plural(waits, "wait")}${waited_ns > 0 ? `, ${duration(waited_ns)}` : ""}`;
}

const RWLOCK_COLUMNS = [
  { id: "lock", head: "lock", rank: 0, text: true, sort: (r) => r.lockName, show: (r) => r.lockName, path: (r) => r.isPlace, about: "The lock class" },
  number("waits", "waits", 0, (r) => r.waits, "All waits, also those that gave up"),
  number("short", "short", 2, (r) => r.short_waits, "Waits that ended while the thread looked again"),
  number("long", "long", 0, (r) => r.long_waits, "Waits in which the thread parked, and those of tasks"),
  number("gave_up", "gave up", 3, (r) => r.gave_up, "Waits that gave up"),
  { id: "waited", head: "waited", rank: 0, bar: true, sort: (r) => r.waited || null, show: (r) => (r.waited > 0 ? duration(r.waited) : "-"), title: (r) => `${digits(r.waited)} ns`, about: "How long threads waited for it" },
  { id: "readers", head: "readers", rank: 1, sort: (r) => r.readers?.share ?? null, show: readersText, about: "Readers at one time, on average" },
  { id: "most", head: "at once", rank: 2, sort: (r) => r.most_readers ?? null, show: (r) => (r.most_readers ? count(r.most_readers) : "-"), about: "Readers at once, at least: as many as those who waited have seen" },
  { id: "causes", head: "why", rank: 0, text: true, sort: (r) => r.shares[0]?.words ?? "", show: (r) => r.shares.map(causeWords).join("; "), about: "The causes of the waits, each with its share of their time; sorts by the first" },
];

function readersText({ readers }) {
  return readers ? marked(averageThreads(readers.share), readers, ">", "~") : "-";
}

/** Says of a figure that it is that of a part, or an estimate. What is less than something needs no mark. */
function marked(text, { is_partial, is_estimate }, partial, estimate) {
  if (text.startsWith("<")) return text;
  return (is_partial ? partial : is_estimate ? estimate : "") + text;
}

function rwlockPaneWords(row) {
  return `${row.lockName} ${row.shares.map(({ words }) => words).join(" ")}`;
}
