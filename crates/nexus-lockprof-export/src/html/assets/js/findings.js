// What a snapshot says, in words. The snapshot brings the findings about waiting; the notes on what is missing are made here.

/** If no lock costs this many threads, a note says so. */
const WORTH_SAYING_THREADS = 0.01;
const MOST_LOCKS = 5;

/**
 * The findings, the weightiest first: `{ kind, figure, unit, parts, point }`, where `kind` is "lock", "note" or "loss", and `parts` are
 * strings and `{ code, title }`. `point` is the point to show, if there is one.
 */
function findings(snapshot) {
  const losses = lossFinding(snapshot);
  const found = [...deadlockFindings(snapshot), ...waitFindings(snapshot)];
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
  const { points, elapsed, profilerMode, waiters } = snapshot;
  const classes = lockClasses(points);
  const time = period(snapshot);
  if (points.length === 0) {
    if (waiters.length > 0) return [note(`No acquisition was recorded (${time}).`)];
    if (snapshot.base !== null) return [note(`No lock was used in ${duration(elapsed)}.`)];
    return [note(profilerMode.kind === "off"
      ? `Nothing recorded: the profiler is off (${time}).`
      : `Nothing recorded yet: no profiled lock was acquired (mode ${profilerMode.kind}, ${time}).`)];
  }
  const acquisitions = classes.reduce((sum, lock) => sum + lock.acquisitions, 0);
  const contended = classes.filter((lock) => lock.contentions > 0 || lock.wait > 0);
  const vain = classes.filter((lock) => lock.inVain > 0).map(vainFinding);
  if (contended.length === 0 && snapshot.found.length === 0) {
    const all = `${plural(acquisitions, "acquisition")} of ${plural(classes.length, "lock")}`;
    const none = waiters.length > 0 ? "No wait has ended" : "Nothing waited";
    return [note(`${none}: none of ${all} found its lock taken (${time}).`), ...vain];
  }
  const waited = classes.some((lock) => lock.measured);
  const found = snapshot.found.map((finding) => ownFinding(finding, points));
  if (waited && elapsed > 0 && classes[0].wait / elapsed < WORTH_SAYING_THREADS) {
    found.push(note(`Little waiting: no lock costs as much as a hundredth of a thread (${time}).`));
  }
  const counted = contended.filter((lock) => !lock.measured && lock.contentions > 0).sort((a, b) => b.contentions - a.contentions);
  found.push(...counted.slice(0, MOST_LOCKS).map((lock) => countedFinding(lock, profilerMode)));
  if (found.length === 0) found.push(note("No finding: the waiting is too uncertain to say anything about it."));
  return [...found, ...vain.slice(0, 2)];
}

function period({ elapsed, base }) {
  return base === null ? `${duration(elapsed)} elapsed` : `an interval of ${duration(elapsed)}`;
}

/** A finding of the snapshot's own, which names the lock in back-ticks. */
function ownFinding({ text, remedy, expected, lock, mode, site, evidence }, points) {
  const figureOf = (name) => evidence.find((figure) => figure.name === name);
  const waiting = figureOf("threads");
  const tries = figureOf("try_failures_per_second");
  const parts = printable(`${text} To do: ${remedy}${expected ? ` What if: ${expected}` : ""}`).split("`").map((part, i) => (i % 2 === 0 ? part : { code: part, title: part }));
  const key = site && JSON.stringify([lock, mode, site]);
  const found = { kind: "lock", parts: parts.filter((part) => part !== ""), point: key ? points.find((point) => point.key === key) : undefined };
  if (waiting) {
    const figure = threads(waiting.value);
    const mark = figure === "<0.01" ? "" : waiting.is_partial ? ">" : waiting.is_estimate ? "~" : "";
    return { ...found, figure: mark + figure, unit: figure === "1.0" ? "thread" : "threads" };
  }
  return tries ? { ...found, figure: count(Math.round(tries.value)), unit: "tries a second" } : found;
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
  if (lock.abandonedWait > 0) parts.push(` after ${duration(lock.abandonedWait)} in all, which is not in the waits above`);
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

/** The one of `points` with the most of something; null if none has any. */
function most(points, of) {
  let best = null;
  for (const point of points) if (of(point) > 0 && (best === null || of(point) > of(best))) best = point;
  return best;
}
