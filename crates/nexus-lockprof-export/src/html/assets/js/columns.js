// The table's columns: what each shows of a point, by what it sorts, and how wide the table must be for it.

const MODES = { exclusive: "ex", shared: "sh", upgradable: "up" };
/** Relative standard errors above this are shown beside their total, as in the text report. */
const WORTH_SAYING_ERROR = 0.1;

const QUANTILES = [["p50", 0.5], ["p95", 0.95], ["p99", 0.99]];

/** `rank` is the least width of the table at which a column is shown: 0 always, 4 only with much room. */
const COLUMNS = [
  { id: "lock", head: "lock", rank: 0, text: true, sort: (p) => p.lockName, show: (p) => p.lockName, path: (p) => Boolean(lockPlace(p.lock)), about: "The lock class: its name, where it was created, or where it was first used" },
  { id: "site", head: "site", rank: 0, text: true, sort: (p) => p.siteName, show: (p) => p.siteName, path: () => true, about: "Where it was acquired" },
  { id: "mode", head: "mode", rank: 2, text: true, sort: (p) => p.mode, show: (p) => MODES[p.mode] ?? p.mode, title: (p) => p.mode, about: "exclusive, shared or upgradable" },
  number("acquisitions", "acq", 0, (p) => p.acquisitions, "Acquisitions; exact"),
  number("contentions", "contentions", 2, (p) => p.contentions, "Acquisitions that had to wait; exact"),
  {
    id: "contention_ratio", head: "ratio", rank: 0, sort: (p) => (p.acquisitions > 0 ? p.contentions / p.acquisitions : null),
    show: (p) => (p.acquisitions > 0 ? percent(p.contentions, p.acquisitions) : "-"), about: "Contention ratio: the share of the acquisitions that had to wait",
  },
  optional("try_failures", "try fail", "try_* calls that found the lock taken"),
  optional("timeouts", "timeouts", "Timed acquires that gave up"),
  optional("cancellations", "cancelled", "Acquires of tasks that were dropped while they waited"),
  ...times("wait", { total: 0, p50: 4, p95: 1, p99: 3, max: 2 }),
  ...times("hold", { total: 1, p50: 4, p95: 1, p99: 3, max: 2 }),
  number("blocked", "blocked", 3, (p) => p.blocked, "How often others waited while this point held the lock"),
  {
    id: "caused", head: "caused", rank: 0, bar: true, sort: (p) => (p.caused_wait_ns > 0 ? p.caused_wait_ns : null),
    show: (p) => (p.caused_wait_ns > 0 ? (p.caused_variance > 0 ? "~" : "") + duration(p.caused_wait_ns) : "-"),
    title: (p) => (p.caused_wait_ns > 0 ? exactly(p.caused_wait_ns, standardError(p.caused_variance)) : ""),
    about: "For how long others waited while this point held the lock",
  },
];

function number(id, head, rank, value, about) {
  return { id, head, rank, sort: value, show: (p) => count(value(p)), title: (p) => digits(value(p)), about };
}

/** A counter that is shown only where there is any of it. */
function optional(id, head, about) {
  return { ...number(id, head, 4, (p) => p[id], about), unless: (points) => points.every((p) => p[id] === 0) };
}

function times(kind, rank) {
  const what = kind === "wait" ? "waits, from finding the lock taken to owning it" : "holds, from owning the lock to releasing it";
  const measured = (p, value) => (p[kind].samples > 0 ? value(p[kind]) : null);
  const total = {
    id: `${kind}_total`, group: kind, head: "total", rank: rank.total, bar: kind === "wait",
    sort: (p) => measured(p, (t) => t.total_ns), show: (p) => totalText(p[kind]), title: (p) => totalTitle(p[kind]),
    about: `Sum of the ${what}`,
  };
  const quantiles = QUANTILES.map(([head, q]) => ({
    id: `${kind}_${head}`, group: kind, head, rank: rank[head],
    sort: (p) => quantileOf(p, kind, q),
    show: (p) => {
      const ns = quantileOf(p, kind, q);
      return ns === null ? "-" : (isEstimate(p[kind]) ? "~" : "") + duration(ns);
    },
    about: `${head} of the ${what}`,
  }));
  const max = {
    id: `${kind}_max`, group: kind, head: "max", rank: rank.max, sort: (p) => measured(p, (t) => t.max_ns),
    show: (p) => (p[kind].samples > 0 ? duration(p[kind].max_ns) : "-"), about: `The longest that was measured of the ${what}`,
  };
  return [total, ...quantiles, max];
}

/** The quantile of a point, kept with it: sorting asks often. */
function quantileOf(point, kind, q) {
  const kept = (point.quantiles ??= {});
  const key = kind + q;
  if (!(key in kept)) kept[key] = point[kind].samples > 0 ? quantile(point[kind].reservoir, q) : null;
  return kept[key];
}

function totalText(times) {
  if (times.samples === 0) return "-";
  if (isPartial(times)) return `>${duration(times.total_ns)}${errorText(times)}`;
  return (isEstimate(times) ? "~" : "") + duration(times.total_ns) + errorText(times);
}

function errorText(times) {
  const error = relativeError(times);
  return error > WORTH_SAYING_ERROR ? ` ±${error > 1 ? ">100%" : wholePercent(error)}` : "";
}

function totalTitle(times) {
  if (times.samples === 0) return times.events + times.unmeasured > 0 ? "not measured" : "";
  const from = isEstimate(times) ? `; estimated from ${digits(times.samples)} of ${digits(times.events)}` : "";
  const part = isPartial(times) ? `; ${digits(times.unmeasured)} more were not measured` : "";
  return exactly(times.total_ns, isEstimate(times) ? totalError(times) : 0) + from + part;
}

function exactly(ns, error) {
  return `${digits(ns)} ns${error > 0 ? `, standard error ${digits(error)} ns` : ""}`;
}

/** The rows that have each word of `text` in what `wordsOf` says of them, whatever its case: for a point, in its lock, site or mode. */
function filtered(rows, text, wordsOf = pointWords) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const all = wordsOf(row).toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

function pointWords(point) {
  return `${point.lockName} ${point.siteName} ${point.mode}`;
}

/** A sorted copy. Missing values come last in either direction; ties keep their order. */
function sorted(rows, column, descending) {
  const keys = new Map(rows.map((row) => [row, column.sort(row)]));
  const sign = descending ? -1 : 1;
  return [...rows].sort((p, q) => {
    const [a, b] = [keys.get(p), keys.get(q)];
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (column.text ? compareText(a, b) : a - b);
  });
}

/** Numbers in a text by their value, so that line 9 comes before line 41. */
const TEXT_ORDER = new Intl.Collator("en", { numeric: true });
function compareText(a, b) {
  return TEXT_ORDER.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}
