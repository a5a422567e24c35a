// What a snapshot says, in words. No sentence says more than its numbers carry: an estimate is called one, with its standard error.

/** A lock that costs less than this many threads is not worth a sentence of its own, if it is not the worst. */
const WORTH_SAYING_THREADS = 0.01;
const MOST_LOCKS = 5;

/**
 * The findings, the weightiest first: `{ kind, figure, unit, parts, point }`, where `kind` is "lock", "note" or "loss", and `parts` are
 * strings and `{ code, title }`. `point` is the point to show, if there is one.
 */
function findings(snapshot) {
  const losses = lossFinding(snapshot);
  const found = waitFindings(snapshot);
  if (losses) found.push(losses);
  if (!isComplete(snapshot)) {
    found.push(note("Percentiles and distributions cover only the last part of the interval."));
  }
  return found;
}

function note(...parts) {
  return { kind: "note", parts };
}

function lossFinding({ losses }) {
  if (losses.length === 0) return null;
  const all = losses.reduce((sum, [, n]) => sum + n, 0);
  const causes = losses.map(([cause, n]) => `${cause} ${digits(n)}`).join(", ");
  // The waits whose stacks could not be kept are in the numbers, and so is what an event was about.
  const only = (...causes) => losses.every(([cause]) => causes.includes(cause));
  const lack = only("stacks") ? "These waits lack their callers; the numbers have them."
    : only("stacks", "slow_events") ? "The numbers have them."
    : "The numbers here lack them, or parts of them.";
  return {
    kind: "loss", figure: count(all), unit: "lost",
    parts: [`LOST ${digits(all)} event${all === 1 ? "" : "s"}: ${causes}. ${lack}`],
  };
}

function waitFindings(snapshot) {
  const { points, elapsed, profilerMode } = snapshot;
  const classes = lockClasses(points);
  const time = period(snapshot);
  if (points.length === 0) {
    if (snapshot.base !== null) return [note(`No lock was used in ${duration(elapsed)}.`)];
    return [note(profilerMode.kind === "off"
      ? `Nothing recorded: the profiler is off (${time}).`
      : `Nothing recorded yet: no profiled lock was acquired (mode ${profilerMode.kind}, ${time}).`)];
  }
  const acquisitions = classes.reduce((sum, lock) => sum + lock.acquisitions, 0);
  const contended = classes.filter((lock) => lock.contentions > 0 || lock.wait > 0);
  const vain = classes.filter((lock) => lock.inVain > 0).map(vainFinding);
  if (contended.length === 0) {
    const all = `${plural(acquisitions, "acquisition")} of ${plural(classes.length, "lock")}`;
    return [note(`Nothing waited: none of ${all} found its lock taken (${time}).`), ...vain];
  }
  const measured = contended.filter((lock) => lock.measured);
  const found = [];
  if (measured.length > 0) {
    const worst = measured[0];
    if (elapsed > 0 && worst.wait / elapsed < WORTH_SAYING_THREADS) {
      found.push(note(`Little waiting: no lock costs as much as a hundredth of a thread (${time}).`));
    }
    const said = measured.slice(0, MOST_LOCKS);
    const worth = said.filter((lock, i) => i === 0 || elapsed === 0 || lock.wait / elapsed >= WORTH_SAYING_THREADS);
    found.push(...worth.map((lock) => lockFinding(lock, snapshot)));
  }
  const counted = contended.filter((lock) => !lock.measured && lock.contentions > 0).sort((a, b) => b.contentions - a.contentions);
  found.push(...counted.slice(0, MOST_LOCKS).map((lock) => countedFinding(lock, profilerMode)));
  return [...found, ...vain.slice(0, 2)];
}

function period({ elapsed, base }) {
  return base === null ? `${duration(elapsed)} elapsed` : `an interval of ${duration(elapsed)}`;
}

/** "`sessions` costs about 2.7 ± 0.1 threads: 84 % of it waiting behind cache.rs:41." */
function lockFinding(lock, { elapsed, merged }) {
  const about = lock.partial ? "at least " : lock.estimate ? "about " : "";
  const error = lock.estimate ? standardError(lock.variance) : 0;
  const parts = [name(lock)];
  let figure = duration(lock.wait);
  let unit = "waited";
  if (elapsed > 0) {
    const cost = lock.wait / elapsed;
    figure = threads(cost);
    unit = figure === "1.0" ? "thread" : "threads";
    const amount = figure === "<0.01" ? "less than a hundredth of a thread" : `${about}${figure}${withError(error / elapsed, cost)} ${unit}`;
    // The time of many is the sum of theirs.
    parts.push(` costs ${amount}${merged > 1 ? `, on average of ${digits(merged)} snapshots` : ""}`);
    parts.push(` (${about}${duration(lock.wait)} of waiting${error > 0 ? `, standard error ${duration(error)}` : ""})`);
  } else {
    parts.push(` was waited for ${about}${duration(lock.wait)}${error > 0 ? `, standard error ${duration(error)}` : ""}`);
  }
  const culprit = most(lock.points, (p) => p.caused_wait_ns);
  const victim = most(lock.points, (p) => p.wait.total_ns);
  if (culprit && lock.wait > 0) {
    // Two estimates of one thing: if more was caused than waited, the share is of what was caused.
    const whole = Math.max(lock.wait, lock.caused);
    const estimated = culprit.caused_variance > 0 || lock.estimate || lock.partial;
    parts.push(`: ${estimated ? "about " : ""}${percent(culprit.caused_wait_ns, whole)} of it waiting behind `, place(culprit));
    if (!culprit.site.line) parts.push(...guess(lock.points));
    const holds = [[0.5, "p50"], [0.99, "p99"]].map(([q, label]) => [label, quantile(culprit.hold.reservoir, q)]);
    if (holds.every(([, ns]) => ns !== null)) {
      parts.push(`, which holds it for ${holds.map(([label, ns]) => `${label} ${duration(ns)}`).join(", ")}`);
    }
  } else {
    parts.push("; the profiler did not see who held it");
  }
  parts.push(`. ${capital(contendedWords(lock))}, the longest wait ${duration(lock.max)}`);
  if (victim && lock.points.length > 1) {
    parts.push(`; ${percent(victim.wait.total_ns, lock.wait)} of the waiting was at `, place(victim));
  }
  parts.push(".");
  return { kind: "lock", figure: (lock.estimate || lock.partial) && figure !== "<0.01" ? `${lock.partial ? ">" : "~"}${figure}` : figure, unit, parts, point: culprit ?? victim };
}

/** Who may be meant by "(readers)": where reading takes longest. */
function guess(points) {
  const slowest = most(points.filter((p) => p.mode === "shared"), (p) => quantile(p.hold.reservoir, 0.99) ?? 0);
  return slowest ? [", which are not told apart; perhaps ", place(slowest), ", which reads longest"] : [];
}

/** " ± 0.1"; nothing where there is no error. */
function withError(error, cost) {
  return error > 0 ? ` ± ${threadsError(error, cost)}` : "";
}

function countedFinding(lock, profilerMode) {
  const where = most(lock.points, (p) => p.contentions);
  const why = profilerMode.kind === "counts" ? "mode counts has no clock" : "none of these waits was measured";
  return {
    kind: "lock", figure: count(lock.contentions), unit: "waits", point: where,
    parts: [name(lock), `: ${contendedWords(lock)}; for how long is not known (${why}).`],
  };
}

function vainFinding(lock) {
  const parts = [name(lock), `: ${plural(lock.inVain, "acquire")} gave up`];
  if (lock.vainWait > 0) parts.push(` after ${duration(lock.vainWait)} in all, which is not in the waits above`);
  parts.push(".");
  return { kind: "note", parts, point: most(lock.points, (p) => p.timeouts + p.cancellations) };
}

function contendedWords(lock) {
  const all = plural(lock.acquisitions, "acquisition");
  if (lock.acquisitions === 0) return plural(lock.contentions, "wait");
  return `${count(lock.contentions)} of ${all} waited (${percent(lock.contentions, lock.acquisitions)})`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function name(lock) {
  return { code: elide(lock.name, 60), title: lock.name };
}

function place(point) {
  return { code: fileName(point.siteName), title: point.siteName };
}

/** The one of `points` with the most of something; null if none has any. */
function most(points, of) {
  let best = null;
  for (const point of points) if (of(point) > 0 && (best === null || of(point) > of(best))) best = point;
  return best;
}
