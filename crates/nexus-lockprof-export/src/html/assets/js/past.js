// When threads waited, over the program's last intervals. The words are the text report's.

/** What is beside the interval with the most waiting belongs to the peak if it has at least this share of it. */
const PEAK_SHARE = 1 / 2;
const MOST_BARS = 60;

/**
 * `{ intervals, all, rows }`: the intervals as `{ began, ended, length }` in nanoseconds, the waiting for all locks in each, and the points, the
 * longest waiting first: `{ key, lockName, siteName, mode, waits, total, peak, isEstimate }`. Null if nobody waited.
 */
function pastWaits({ past, points }) {
  const intervals = past.map(({ ended_unix_ns, length_ns }) => ({ began: Math.max(0, ended_unix_ns - length_ns), ended: ended_unix_ns, length: length_ns }));
  const known = new Map(points.map((point) => [point.key, point]));
  const rows = new Map();
  past.forEach((interval, at) => {
    for (const { lock, mode, site, wait_ns } of interval.points ?? []) {
      const key = JSON.stringify([lock, mode, site]);
      if (!rows.has(key)) rows.set(key, pastRow(key, known.get(key), { lock, mode, site }, past.length));
      rows.get(key).waits[at] += wait_ns;
    }
  });
  const all = intervals.map((_, at) => [...rows.values()].reduce((sum, row) => sum + row.waits[at], 0));
  if (all.every((ns) => ns === 0)) return null;
  for (const row of rows.values()) {
    row.peak = peakOf(row.waits, intervals);
    row.total = row.peak?.all ?? 0;
  }
  return { intervals, all, rows: [...rows.values()].filter((row) => row.peak).sort((a, b) => b.total - a.total) };
}

function pastRow(key, point, { lock, mode, site }, intervals) {
  return {
    key, mode, lockName: point?.lockName ?? lockName(lock, false), siteName: point?.siteName ?? placeName(site, false), isPlace: Boolean(lockPlace(lock)),
    isEstimate: point ? isEstimate(point.wait) : false, waits: Array(intervals).fill(0),
  };
}

/** The interval with the most waiting for its length, and its neighbours with at least half as much. Null if there was none. */
function peakOf(waits, intervals) {
  const rate = (at) => waits[at] / Math.max(1, intervals[at].length);
  const top = waits.reduce((top, _, at) => (rate(at) > rate(top) ? at : top), 0);
  if (!(waits[top] > 0)) return null;
  const isPart = (at) => at >= 0 && at < waits.length && rate(at) >= PEAK_SHARE * rate(top);
  let [first, last] = [top, top];
  while (isPart(first - 1)) first -= 1;
  while (isPart(last + 1)) last += 1;
  const sum = (values) => values.reduce((sum, ns) => sum + ns, 0);
  return { began: intervals[first].began, ended: intervals[last].ended, wait: sum(waits.slice(first, last + 1)), all: sum(waits), intervals: last - first + 1, of: waits.length };
}

/** `peak 12:00:05 to 12:00:07 UTC: waited 1.90s of 2.00s in 2 of 60 intervals` */
function peakWords({ peak: { began, ended, wait, all, intervals, of }, isEstimate }) {
  const about = isEstimate ? "~" : "";
  return `peak ${dayTime(began)} to ${dayTime(ended)} UTC: waited ${about}${duration(wait)} of ${about}${duration(all)} in ${intervals} of ${of} intervals`;
}

/** The time of the day, UTC, of nanoseconds since 1970. */
function dayTime(ns) {
  return new Date(Math.floor(ns / 1e9) * 1000).toISOString().slice(11, 19);
}

/** A bar for the waiting in each interval, or for the longest of several if there is no room for all: `{ height, words }`, the height as a share. */
function barsOf(waits, intervals, room = MOST_BARS) {
  const most = waits.reduce((most, ns) => Math.max(most, ns), 0);
  const each = Math.ceil(waits.length / room);
  const bars = [];
  for (let at = 0; at < waits.length; at += each) {
    const few = waits.slice(at, at + each);
    const longest = at + few.indexOf(few.reduce((most, ns) => Math.max(most, ns), 0));
    const { began, ended } = intervals[longest];
    bars.push({ height: most > 0 ? waits[longest] / most : 0, words: `${dayTime(began)} to ${dayTime(ended)} UTC: waited ${duration(waits[longest])}` });
  }
  return bars;
}

const PAST_COLUMNS = [
  { id: "lock", head: "lock", rank: 0, text: true, sort: (r) => r.lockName, show: (r) => r.lockName, path: (r) => r.isPlace, about: "The lock class" },
  { id: "site", head: "site", rank: 0, text: true, sort: (r) => r.siteName, show: (r) => r.siteName, path: () => true, about: "Where threads waited" },
  { id: "mode", head: "mode", rank: 2, text: true, short: true, sort: (r) => r.mode, show: (r) => MODES[r.mode] ?? r.mode, title: (r) => r.mode, about: "exclusive, shared or upgradable" },
  { id: "waited", head: "waited", rank: 0, sort: (r) => r.total, show: (r) => (r.isEstimate ? "~" : "") + duration(r.total), title: (r) => `${digits(r.total)} ns`, about: "How long threads waited here in the last intervals" },
  { id: "peak", head: "peak", rank: 1, sort: (r) => r.peak.began, show: (r) => dayTime(r.peak.began), title: peakWords, about: "When the peak began, UTC: the interval with the most waiting for its length, and its neighbours with at least half as much" },
  { id: "bars", head: "over time", rank: 0, sort: (r) => r.peak.wait, show: () => "", about: "The waiting in each of the last intervals; sorts by the waiting in the peak" },
];
