// A snapshot's JSON as the page uses it. Integers above 2^53 are rounded here: JavaScript's numbers have no room for them.

const NO_TIMES = { samples: 0, total_ns: 0, total_variance: 0, events: 0, unmeasured: 0, max_ns: 0, longest_sampled_ns: 0, at_most_ns: 0, reservoir: [] };

/** Reads a document. Throws an Error that says what is wrong with it. */
function readSnapshot(json) {
  if (json?.error) throw new Error(json.error);
  if (json?.format !== "lockprof-snapshot") throw new Error("this is no snapshot of lockprof");
  if (json.schema !== 2) throw new Error(`schema ${json.schema} of snapshots is newer than this page`);
  const points = json.points.map(readPoint);
  nameApart(points);
  readEdges(points, json.edges ?? []);
  readRwLocks(points, json.rwlocks ?? []);
  return {
    engine: json.engine,
    pid: json.pid,
    program: json.program ? printable(json.program) : null,
    taken: new Date(json.taken_unix_ns / 1e6),
    collection: json.collection,
    base: json.base ?? null,
    peek: json.peek ?? false,
    pulled: (json.pulled_unix_ns ?? 0) > 0,
    samplesBehind: json.samples_behind_ns ?? 0,
    merged: json.merged ?? 1,
    incomplete: json.incomplete ?? false,
    resets: json.resets,
    elapsed: json.elapsed_ns,
    profilerMode: json.profiler_mode,
    threadsPeak: json.table?.shards ?? 0,
    losses: Object.entries(json.losses ?? {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]),
    overhead: json.overhead ?? { budgeted_ns: 0, counting_ns: 0, threads_ns: 0 },
    waiters: json.waiters ?? [],
    // Derived from the rest by who wrote the document.
    found: json.findings ?? [],
    deadlocks: json.deadlocks ?? [],
    lockOrder: json.lock_order ?? [],
    potential: json.potential_deadlocks ?? [],
    threads: json.threads ?? [],
    instances: json.instances ?? [],
    unlistedMost: json.unlisted_most_ns ?? 0,
    past: json.history ?? [],
    rwlocks: json.rwlocks ?? [],
    points,
  };
}

function readPoint(raw) {
  const point = {
    contentions: 0, try_failures: 0, timeouts: 0, cancellations: 0, abandoned_wait_ns: 0,
    blocked: 0, caused_wait_ns: 0, caused_variance: 0, callers: [],
    ...raw,
    wait: { ...NO_TIMES, ...raw.wait },
    hold: { ...NO_TIMES, ...raw.hold },
  };
  point.lockKey = JSON.stringify(raw.lock);
  point.key = JSON.stringify([raw.lock, raw.mode, raw.site]);
  point.lockName = lockName(raw.lock, false);
  point.siteName = placeName(raw.site, false);
  return point;
}

function lockName(lock, column) {
  if (lock?.named !== undefined) return printable(lock.named) || '""';
  const place = lockPlace(lock);
  if (!place) return "?";
  // A group of places is no line that created a lock.
  const prefix = lock.first_used ? "first@" : place.line ? "new@" : "";
  return prefix + placeName(place, column);
}

/** The place that a lock without a name is known by: of its creation, or of its first use. */
function lockPlace(lock) {
  return lock?.created ?? lock?.first_used;
}

function placeName(site, column) {
  // A group of places, which is none itself.
  if (!site.line) return printable(site.file);
  return printable(`${shortPath(site.file)}:${site.line}${column ? `:${site.column}` : ""}`);
}

/** Places that share a line get their columns. */
function nameApart(points) {
  const apart = (places, name) => {
    const columns = new Map();
    for (const [place, text] of places) {
      if (!columns.has(text)) columns.set(text, new Set());
      columns.get(text).add(place.column);
    }
    for (const point of points) name(point, (text) => columns.get(text)?.size > 1);
  };
  apart(points.map((p) => [p.site, p.siteName]), (point, shared) => {
    if (shared(point.siteName)) point.siteName = placeName(point.site, true);
  });
  apart(points.filter((p) => lockPlace(p.lock)).map((p) => [lockPlace(p.lock), p.lockName]), (point, shared) => {
    if (lockPlace(point.lock) && shared(point.lockName)) point.lockName = lockName(point.lock, true);
  });
}

function isEstimate(times) {
  return times.samples > 0 && (times.events > times.samples || times.total_variance > 0);
}

/** Whether the total is that of a part of the events. */
function isPartial(times) {
  return times.samples > 0 && times.unmeasured > 0;
}

function standardError(variance) {
  return Math.sqrt(Math.max(0, variance));
}

/** The standard error of a total: that of its samples' weights, and the longest once more or less for each sample that others have no part in. */
function totalError(times) {
  const unseen = times.samples > 0 ? Math.max(0, times.events - times.samples) / times.samples : 0;
  return Math.hypot(standardError(times.total_variance), unseen * times.longest_sampled_ns);
}

/** The standard error of an estimated total as a share of it; 0 if it is no estimate. */
function relativeError(times) {
  return isEstimate(times) && times.total_ns > 0 ? totalError(times) / times.total_ns : 0;
}

/** The smallest measured value up to which the samples carry at least the share `q` of the weight; null of none. */
function quantile(reservoir, q) {
  let whole = 0;
  for (const [, weight] of reservoir) whole += weight;
  let sum = 0;
  for (const [value, weight] of reservoir) {
    sum += weight;
    if (sum / whole >= q) return value;
  }
  return null;
}

/** Whether quantiles are drawn from all the time covered. */
function isComplete(snapshot) {
  const { base, collection, peek, pulled, incomplete, samplesBehind } = snapshot;
  if (incomplete || (base !== null && samplesBehind > 0)) return false;
  if (pulled) return true;
  return base === null || (!peek && (base === collection || base + 1 === collection));
}

/** Lock classes with the sums of their points, the most waited for first. */
function lockClasses(points) {
  const classes = new Map();
  for (const point of points) {
    let lock = classes.get(point.lockKey);
    if (!lock) {
      lock = {
        key: point.lockKey, name: point.lockName, points: [], wait: 0, variance: 0, caused: 0, causedVariance: 0,
        acquisitions: 0, contentions: 0, inVain: 0, abandonedWait: 0, measured: false, estimate: false, partial: false, max: 0,
      };
      classes.set(point.lockKey, lock);
    }
    lock.points.push(point);
    lock.wait += point.wait.total_ns;
    lock.variance = Math.min(Number.MAX_VALUE, lock.variance + totalError(point.wait) ** 2);
    lock.caused += point.caused_wait_ns;
    lock.causedVariance = Math.min(Number.MAX_VALUE, lock.causedVariance + point.caused_variance);
    lock.acquisitions += point.acquisitions;
    lock.contentions += point.contentions;
    lock.inVain += point.timeouts + point.cancellations;
    lock.abandonedWait += point.abandoned_wait_ns;
    lock.measured ||= point.wait.samples > 0;
    lock.estimate ||= isEstimate(point.wait);
    // Waits that nothing stands for: those that were not measured, of any point.
    lock.partial ||= point.wait.unmeasured > 0;
    lock.max = Math.max(lock.max, point.wait.max_ns);
  }
  return [...classes.values()].sort((a, b) => b.wait - a.wait || b.contentions - a.contentions || b.acquisitions - a.acquisitions);
}
