// What each thread has done, in the words of the text report.

/** The sentence appears if one thread waited for at least this share of the time, */
const STARVED_SHARE = 0.05;
/** and this many times as long as any other thread that lives, */
const STARVED_FACTOR = 4;
/** of at least this many. */
const STARVED_FEWEST = 3;

/** The rows of threads, the longest waiting first: each as in the JSON, with `key`, `name`, `standsOut` and the `share` of all waiting. */
function threadRows({ threads, elapsed }) {
  const rows = threads.map((row, i) => ({ acquisitions: 0, contentions: 0, threads: 0, ...row, wait: { ...NO_TIMES, ...row.wait }, hold: { ...NO_TIMES, ...row.hold }, key: i }));
  const all = rows.reduce((sum, row) => sum + row.wait.total_ns, 0);
  const live = rows.filter((row) => row.kind === "live").sort((a, b) => b.wait.total_ns - a.wait.total_ns);
  const [first, second] = live;
  const standsOut = live.length >= STARVED_FEWEST && first.wait.samples > 0
    && first.wait.total_ns >= STARVED_SHARE * elapsed && Math.floor(first.wait.total_ns / STARVED_FACTOR) >= second.wait.total_ns;
  for (const row of rows) {
    row.name = rowName(row);
    row.share = row.wait.samples > 0 && row.wait.total_ns > 0 ? row.wait.total_ns / all : null;
    row.shareText = row.share === null ? "-" : percent(row.wait.total_ns, all);
    row.standsOut = standsOut && row === first;
  }
  return [...live, ...rows.filter((row) => row.kind !== "live")];
}

/** `worker (4711) waited 3.00ms, 82% of the time that threads waited.` If one waited far more than the others; else null. */
function starvedWords(rows) {
  const row = rows.find((row) => row.standsOut);
  return row ? `${row.name} waited ${threadTime(row.wait)}, ${row.shareText} of the time that threads waited.` : null;
}

function rowName({ kind, thread, threads }) {
  if (kind === "live" && thread) return threadText(thread);
  return kind === "ended" ? `${plural(threads, "thread")} that ended` : plural(threads, "other thread");
}

/** A total, "-" if nothing was measured. */
function threadTime(times) {
  return times.samples === 0 ? "-" : (isEstimate(times) ? "~" : "") + duration(times.total_ns);
}

const THREAD_COLUMNS = [
  { id: "thread", head: "thread", rank: 0, text: true, sort: (r) => r.name, show: (r) => r.name, about: "The thread's name, and the system's number of it" },
  number("acquisitions", "acq", 0, (r) => r.acquisitions, "Acquisitions; exact"),
  number("contentions", "contentions", 1, (r) => r.contentions, "Acquisitions that had to wait; exact"),
  {
    id: "contention_ratio", head: "ratio", rank: 1, sort: (r) => (r.acquisitions > 0 ? r.contentions / r.acquisitions : null),
    show: (r) => percent(r.contentions, r.acquisitions), about: "Contention ratio: the share of the acquisitions that had to wait",
  },
  { ...threadColumn("wait", "waited", "How long the thread waited for locks"), bar: true },
  { id: "share", head: "share", rank: 0, sort: (r) => r.share, show: (r) => r.shareText, about: "The thread's share of the time that threads waited" },
  threadColumn("hold", "held", "How long the thread held locks"),
];

function threadColumn(kind, head, about) {
  return { id: head, head, rank: 0, sort: (r) => (r[kind].samples > 0 ? r[kind].total_ns : null), show: (r) => threadTime(r[kind]), title: (r) => totalTitle(r[kind]), about };
}
