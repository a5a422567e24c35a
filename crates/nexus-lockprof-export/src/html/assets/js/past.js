// When threads waited, over the program's last intervals. The words are the text report's.

/** What is beside the interval with the most waiting belongs to the peak if it has at least this share of it. */
const PEAK_SHARE = 1 / 2;
const MOST_BARS = 60;

/**
 * `{ intervals, all, rows }`: the intervals as `{ began, ended, length }` in nanoseconds, the waiting for all locks in each, and the points, the
 * longest waiting first: `{ key, lockName, siteName, mode, intervals, waits, total, peak, isEstimate }`. A wait is null where it is not known, because
 * the interval does not list the point. Then `total` is the most that it can be. `peak` is null if it is not known. The result is null if nobody waited.
 */
function pastWaits({ past, points }) {
  const intervals = past.map(({ ended_unix_ns, length_ns }) => ({ began: Math.max(0, ended_unix_ns - length_ns), ended: ended_unix_ns, length: length_ns }));
  const known = new Map(points.map((point) => [point.key, point]));
  const rows = new Map();
  past.forEach((interval, at) => {
    for (const { lock, mode, site, wait_ns } of interval.points ?? []) {
      const key = JSON.stringify([lock, mode, site]);
      if (!rows.has(key)) rows.set(key, pastRow(key, known.get(key), { lock, mode, site }));
      rows.get(key).listed.set(at, wait_ns);
    }
  });
  const unlisted = past.map(unlistedWait);
  for (const row of rows.values()) complete(row, intervals, unlisted);
  const all = intervals.map((_, at) => [...rows.values()].reduce((sum, row) => sum + (row.listed.get(at) ?? 0), 0));
  if (all.every((ns) => ns === 0)) return null;
  return { intervals, all, rows: [...rows.values()].filter((row) => row.total > 0).sort((a, b) => b.total - a.total) };
}

function pastRow(key, point, { lock, mode, site }) {
  return {
    key, mode, lockName: point?.lockName ?? lockName(lock, false), siteName: point?.siteName ?? placeName(site, false), isPlace: Boolean(lockPlace(lock)),
    isRest: isRest(lock), isEstimate: point ? isEstimate(point.wait) : false, listed: new Map(),
  };
}

function isRest(lock) {
  return lock?.created?.file === "(rest)" && !lock.created.line;
}

/** The most that a point can have waited which an interval does not list; null if it lists all. No longer than any that it lists, nor than the rest. */
function unlistedWait({ points = [] }) {
  return points.some(({ lock }) => isRest(lock)) ? points.reduce((least, { wait_ns }) => Math.min(least, wait_ns), Infinity) : null;
}

function complete(row, intervals, unlisted) {
  const unknown = (at) => (row.isRest ? null : unlisted[at]);
  const most = intervals.map((_, at) => row.listed.get(at) ?? unknown(at) ?? 0);
  row.intervals = intervals;
  row.waits = intervals.map((_, at) => row.listed.get(at) ?? (unknown(at) === null ? 0 : null));
  row.total = most.reduce((sum, ns) => sum + ns, 0);
  row.isBound = row.waits.includes(null);
  row.peak = peakOf(row.waits, most, intervals);
}

/** The interval with the most waiting for its length, and its neighbours with at least half as much. Null if it may be one where the waiting is not known. */
function peakOf(waits, most, intervals) {
  const rate = (at) => most[at] / Math.max(1, intervals[at].length);
  const top = most.reduce((top, _, at) => (rate(at) > rate(top) ? at : top), 0);
  if (!(most[top] > 0) || waits[top] === null) return null;
  const isPart = (at) => at >= 0 && at < waits.length && waits[at] !== null && rate(at) >= PEAK_SHARE * rate(top);
  let [first, last] = [top, top];
  while (isPart(first - 1)) first -= 1;
  while (isPart(last + 1)) last += 1;
  const wait = waits.slice(first, last + 1).reduce((sum, ns) => sum + ns, 0);
  return { began: intervals[first].began, ended: intervals[last].ended, wait, intervals: last - first + 1, of: waits.length };
}

/** `peak 12:00:05 to 12:00:07 UTC: waited 1.90s of 2.00s in 2 of 60 intervals` */
function peakWords({ peak, total, isEstimate, isBound }) {
  if (!peak) return "when the peak was is not known";
  const about = isEstimate ? "~" : "";
  return `peak ${dayTime(peak.began)} to ${dayTime(peak.ended)} UTC: waited ${about}${duration(peak.wait)} of ${isBound ? "at most " : ""}${about}${duration(total)} in ${peak.intervals} of ${peak.of} intervals`;
}

/** The time of the day, UTC, of nanoseconds since 1970. */
function dayTime(ns) {
  return new Date(Math.floor(ns / 1e9) * 1000).toISOString().slice(11, 19);
}

/**
 * A bar for the waiting in each interval, or for the longest of several if there is no room for all: `{ height, words }`, the height as a share, null
 * where nothing is known.
 */
function barsOf(waits, intervals, room = MOST_BARS) {
  const most = waits.reduce((most, ns) => Math.max(most, ns ?? 0), 0);
  const each = Math.ceil(waits.length / room);
  const bars = [];
  for (let at = 0; at < waits.length; at += each) {
    const few = waits.slice(at, at + each).map((ns) => ns ?? -1);
    const longest = at + few.indexOf(few.reduce((most, ns) => Math.max(most, ns), -1));
    const { began, ended } = intervals[longest];
    const ns = waits[longest];
    const said = ns === null ? "not known" : `waited ${duration(ns)}`;
    bars.push({ height: ns === null ? null : most > 0 ? ns / most : 0, words: `${dayTime(began)} to ${dayTime(ended)} UTC: ${said}` });
  }
  return bars;
}

const PAST_COLUMNS = [
  { id: "lock", head: "lock", rank: 0, text: true, sort: (r) => r.lockName, show: (r) => r.lockName, path: (r) => r.isPlace, about: "The lock class" },
  { id: "site", head: "site", rank: 0, text: true, sort: (r) => r.siteName, show: (r) => r.siteName, path: () => true, about: "Where threads waited" },
  { id: "mode", head: "mode", rank: 2, text: true, short: true, sort: (r) => r.mode, show: (r) => MODES[r.mode] ?? r.mode, title: (r) => r.mode, about: "exclusive, shared or upgradable" },
  { id: "waited", head: "waited", rank: 0, sort: (r) => r.total, show: (r) => (r.isBound ? "<" : r.isEstimate ? "~" : "") + duration(r.total), title: (r) => `${r.isBound ? "at most " : ""}${digits(r.total)} ns`, about: "How long threads waited here in the last intervals" },
  { id: "peak", head: "peak", rank: 1, sort: (r) => r.peak?.began ?? null, show: (r) => (r.peak ? dayTime(r.peak.began) : "-"), title: peakWords, about: "When the peak began, UTC: the interval with the most waiting for its length, and its neighbours with at least half as much" },
  { id: "bars", head: "over time", rank: 0, sort: (r) => r.peak?.wait ?? null, show: () => "", about: "The waiting in each of the last intervals; sorts by the waiting in the peak" },
];
