// Which locks of a class threads waited for, by their addresses.

/** The locks that a snapshot knows of, the longest waiting first: each as in the JSON, with `key`, `lockName`, `share` and their texts. */
function instanceRows({ instances, points }) {
  const classes = new Map(lockClasses(points).map((lock) => [lock.key, lock]));
  const rows = instances.map(({ lock, address, waits, least_ns, most_ns }) => {
    const key = JSON.stringify(lock);
    const waited = classes.get(key)?.wait ?? 0;
    // Bounds of an estimate can exceed what the class waited in all.
    const share = (ns) => percent(Math.min(ns, waited), waited);
    return {
      key: `${address} ${key}`, lockKey: key, lockName: classes.get(key)?.name ?? lockName(lock, false), isPlace: Boolean(lockPlace(lock)), address: address.replace(/^0+(?=.)/, ""), waits, least_ns,
      share: waited > 0 ? least_ns / waited : null, leastShare: share(least_ns), shareText: bounds(share(least_ns), share(most_ns)), waited: bounds(duration(least_ns), duration(most_ns)),
      exact: least_ns === most_ns ? `${digits(least_ns)} ns` : `${digits(least_ns)} to ${digits(most_ns)} ns`,
    };
  });
  return rows.sort((a, b) => b.least_ns - a.least_ns);
}

function bounds(least, most) {
  return least === most ? least : `${least} to ${most}`;
}

/** What is known of the locks that are not listed. */
function unlistedWords(unlistedMost) {
  return unlistedMost > 0 ? `Any other lock: at most ${duration(unlistedMost)}.` : "";
}

const INSTANCE_COLUMNS = [
  { id: "lock", head: "lock", rank: 0, text: true, sort: (r) => r.lockName, show: (r) => r.lockName, path: (r) => r.isPlace, about: "The lock class: its name, or the line that created the lock" },
  { id: "address", head: "address", rank: 0, text: true, short: true, sort: (r) => r.address.padStart(16, "0"), show: (r) => r.address, about: "Which lock of the class: its address" },
  { id: "share", head: "share", rank: 0, bar: true, sort: (r) => r.share, show: (r) => r.shareText, about: "Its share of the time that threads waited for the class, or bounds of that share" },
  { id: "waited", head: "waited", rank: 0, sort: (r) => r.least_ns, show: (r) => r.waited, title: (r) => r.exact, about: "How long threads waited for it, or bounds of that time; long waits only" },
  number("waits", "waits", 0, (r) => r.waits, "Number of long waits for it, at least"),
];

function instanceWords(row) {
  return `${row.lockName} ${row.address}`;
}
