// What the panes beside the table say, without a browser: `node --test`.
import assert from "node:assert/strict";
import test from "node:test";
import { exact, page, point, read, site, words } from "./pure.mjs";

const S = 1e9;
const text = (parts) => words({ parts });
const end = (lock, line, mode = "exclusive") => ({ lock: { named: lock }, mode, site: site(line, "src/bank.rs") });
const pair = (held, wanted, count, more) => ({ held, wanted, count, thread: { id: 7, name: "transfer" }, ...more });
const transfer = pair(end("accounts", 17), end("audit", 19), 12);
const report = pair(end("audit", 22), end("accounts", 24), 1, { thread: { id: 8 } });
const twice = pair(end("map", 3, "shared"), end("map", 5, "shared"), 2, { same_lock: true, thread: undefined });

test("locks in orders that can deadlock, the surest first", () => {
  const potential_deadlocks = [{ needs_writer: true, steps: [transfer, report] }, { steps: [twice] }, { steps: [transfer, report] }];
  const said = page.potentialDeadlocks(read([], { potential_deadlocks })).map(({ title, steps }) => [title, ...steps.map(text)]);
  const steps = [
    "transfer (7) held accounts (src/bank.rs:17) and acquired audit (src/bank.rs:19), 12 times.",
    "thread 8 held audit (src/bank.rs:22) and acquired accounts (src/bank.rs:24), once.",
  ];
  assert.deepEqual(said, [
    ["Potential deadlock: 2 locks were acquired in different orders.", ...steps],
    ["Recursive read: a thread read a lock that it already read. It can wait for ever if a writer comes in between.", "a thread held map (src/bank.rs:3) and acquired map (src/bank.rs:5), 2 times."],
    ["Potential deadlock: 2 locks were acquired in different orders. It takes a waiting writer between the readers.", ...steps],
  ]);
  const [long] = page.potentialDeadlocks(read([], { potential_deadlocks: [{ steps: Array(40).fill(transfer) }] }));
  assert.deepEqual([long.steps.length, long.hidden], [12, 28]);
});

test("pairs of locks, the dangerous first", () => {
  const harmless = pair(end("accounts", 30), end("log", 31), 41_000, { thread: undefined });
  const guarded = pair(end("audit", 30), end("log", 31), 90_000, { guarded: true });
  const reading = pair(end("map", 8, "shared"), end("log", 9, "shared"), 5);
  // Two locks of one class, which is no recursive read.
  const another = pair(end("map", 3, "shared"), end("map", 6, "shared"), 1);
  const lock_order = [another, guarded, harmless, transfer, reading, twice, report];
  const potential_deadlocks = [{ steps: [twice] }, { steps: [transfer, report] }, { needs_writer: true, steps: [report, reading] }];
  const rows = page.lockPairs(read([], { lock_order, potential_deadlocks }));
  const shown = rows.map((row) => page.PAIR_COLUMNS.map((column) => column.show(row)).join(" | "));
  assert.deepEqual(shown, [
    "accounts | src/bank.rs:17 | audit | src/bank.rs:19 | potential deadlock | transfer (7) | 12",
    "audit | src/bank.rs:22 | accounts | src/bank.rs:24 | potential deadlock | thread 8 | 1",
    "map | src/bank.rs:3 (shared) | map | src/bank.rs:5 (shared) | recursive read | - | 2",
    "map | src/bank.rs:8 (shared) | log | src/bank.rs:9 (shared) | potential deadlock with a writer | transfer (7) | 5",
    "audit | src/bank.rs:30 | log | src/bank.rs:31 | guarded | transfer (7) | 90.0k",
    "accounts | src/bank.rs:30 | log | src/bank.rs:31 | - | - | 41.0k",
    "map | src/bank.rs:3 (shared) | map | src/bank.rs:6 (shared) | - | transfer (7) | 1",
  ]);
  const danger = page.PAIR_COLUMNS.find((column) => column.id === "danger");
  assert.deepEqual(page.sorted([...rows].reverse(), danger, false).map((row) => row.danger), [0, 0, 1, 2, 3, 4, 4]);
  assert.deepEqual(page.lockPairs(read([])), []);
});

const time = (total_ns, events = 5, more) => ({ samples: events, events, total_ns, ...more });
const live = (id, name, wait, more) => ({ kind: "live", thread: { id, name }, number: id, threads: 1, acquisitions: 20, contentions: 5, wait, ...more });

test("threads, and one that is starved", () => {
  const ended = { kind: "ended", threads: 12, acquisitions: 9800, contentions: 51, wait: time(58e6, 51), hold: time(90_100_000) };
  const starving = live(21, "worker 7", time(1.2 * S), { acquisitions: 310, contentions: 290, hold: time(3_100_000, 100, { events: 310 }) });
  const threads = [live(22, undefined, time(61e6)), live(23, "a\u202eb", undefined), starving, { kind: "others", threads: 1, acquisitions: 1 }, ended];
  const snapshot = read([], { threads });
  const rows = page.threadRows(snapshot);
  assert.deepEqual(rows.map((row) => page.THREAD_COLUMNS.map((column) => column.show(row)).join(" | ")), [
    "worker 7 (21) | 310 | 290 | 94% | 1.20s | 91% | ~3.10ms",
    "thread 22 | 20 | 5 | 25% | 61.0ms | 4.6% | -",
    "a\\u{202e}b (23) | 20 | 5 | 25% | - | - | -",
    "1 other thread | 1 | 0 | 0% | - | - | -",
    "12 threads that ended | 9.80k | 51 | 0.5% | 58.0ms | 4.4% | 90.1ms",
  ]);
  assert.deepEqual(rows.map((row) => row.standsOut), [true, false, false, false, false]);
  assert.equal(page.starvedWords(rows), "worker 7 (21) waited 1.20s, 91% of the time that threads waited.");
  const said = (threads, more) => page.starvedWords(page.threadRows(read([], { threads, ...more })));
  // As in the report: of three, 5 % of the time, four times as long as any other.
  assert.equal(said(threads.filter((row) => row.thread?.id !== 23)), null);
  assert.equal(said(threads, { elapsed_ns: 25 * S }), null);
  assert.equal(said([live(1, "a", time(400)), live(2, "b", time(101)), live(3, "c", time(1))], { elapsed_ns: 1 }), null);
  assert.notEqual(said([live(1, "a", time(400)), live(2, "b", time(100)), live(3, "c", time(1))], { elapsed_ns: 1 }), null);
  assert.deepEqual(page.threadRows(read([])), []);
});

test("locks of a class, with their bounds", () => {
  const of = (lock, address, waits, least_ns, most_ns = least_ns) => ({ lock, address, waits, least_ns, most_ns });
  const created = { created: site(17, "src/pool.rs") };
  const instances = [of({ named: "shard" }, "00007f31c40041c0", 66, 60e6, 75e6), of({ named: "shard" }, "00007f31c4004180", 310, 300e6), of(created, "0000000000000000", 1, 5e6)];
  const snapshot = read([point("shard", 1, { wait: exact(400e6) })], { instances, unlisted_most_ns: 3e6 });
  assert.deepEqual(page.instanceRows(snapshot).map((row) => page.INSTANCE_COLUMNS.map((column) => column.show(row)).join(" | ")), [
    "shard | 7f31c4004180 | 75% | 300ms | 310",
    "shard | 7f31c40041c0 | 15% to 19% | 60.0ms to 75.0ms | 66",
    "new@src/pool.rs:17 | 0 | - | 5.00ms | 1",
  ]);
  assert.equal(page.unlistedWords(snapshot.unlistedMost), "Any other lock: at most 3.00ms.");
  assert.equal(page.unlistedWords(read([]).unlistedMost), "");
  // The bounds of an estimate may exceed what the class waited.
  const more = read([point("shard", 1, { wait: exact(100e6) })], { instances });
  assert.equal(page.instanceRows(more)[0].shareText, "100%");
});

test("when threads waited", () => {
  const began = 1_763_878_800 * S;
  const interval = (at, ...points) => ({ ended_unix_ns: began + S * (at + 1), length_ns: S, points: points.map(([line, wait_ns]) => ({ lock: { named: "x" }, mode: "exclusive", site: site(line), wait_ns })) });
  const history = [interval(0), interval(1, [1, 100], [9, 1]), interval(2, [1, 900], [9, 1]), interval(3, [1, 500]), { ended_unix_ns: began + 5 * S, length_ns: S }];
  const past = page.pastWaits(read([point("x", 1, { wait: exact(1500) }), point("x", 2)], { history }));
  assert.deepEqual(past.all, [0, 101, 901, 500, 0]);
  assert.deepEqual(past.rows.map((row) => [row.siteName, row.waits, row.total]), [["src/a.rs:1", [0, 100, 900, 500, 0], 1500], ["src/a.rs:9", [0, 1, 1, 0, 0], 2]]);
  assert.equal(page.peakWords(past.rows[0]), "peak 06:20:02 to 06:20:04 UTC: waited 1.40µs of 1.50µs in 2 of 5 intervals");
  assert.equal(page.peakWords({ ...past.rows[0], isEstimate: true }), "peak 06:20:02 to 06:20:04 UTC: waited ~1.40µs of ~1.50µs in 2 of 5 intervals");
  const rising = page.pastWaits(read([], { history: [interval(0, [1, 300]), interval(1, [1, 600]), interval(2, [1, 900])] })).rows[0];
  assert.deepEqual([rising.peak.began, rising.peak.wait, rising.peak.intervals], [began + S, 1500, 2]);
  // For its length, a short interval has more.
  const short = page.pastWaits(read([], { history: [{ ...interval(0, [1, 600]), length_ns: S / 10 }, interval(1, [1, 900])] })).rows[0];
  assert.deepEqual([short.peak.wait, short.peak.intervals], [600, 1]);
  assert.equal(page.pastWaits(read([])), null);
  assert.equal(page.pastWaits(read([], { history: [interval(0)] })), null);
});

test("an interval that does not list a point does not say how long it waited there", () => {
  const of = (name, wait_ns) => ({ lock: { named: name }, mode: "exclusive", site: site(1), wait_ns });
  const rest = (wait_ns) => ({ lock: { created: { file: "(rest)", line: 0, column: 0 } }, mode: "exclusive", site: { file: "(rest)", line: 0, column: 0 }, wait_ns });
  const history = [[of("x", 900), of("y", 40)], [of("y", 50), rest(70)], [of("y", 10)]].map((points, i) => ({ ended_unix_ns: S * (i + 1), length_ns: S, points }));
  const rows = page.pastWaits(read([], { history })).rows;
  assert.deepEqual(rows.map((row) => [row.lockName, row.waits, row.total]), [["x", [900, null, 0], 950], ["y", [40, 50, 10], 100], ["(rest)", [0, 70, 0], 70]]);
  assert.equal(page.peakWords(rows[0]), "peak 00:00:00 to 00:00:01 UTC: waited 900ns of at most 950ns in 1 of 3 intervals");
  const waited = page.PAST_COLUMNS.find((column) => column.id === "waited");
  assert.deepEqual(rows.map((row) => waited.show(row)), ["<950ns", "100ns", "70ns"]);
  // The peak may be where the point is not listed.
  const hidden = page.pastWaits(read([], { history: [{ ...history[0], points: [of("x", 20)] }, history[1]] })).rows.find((row) => row.lockName === "x");
  assert.equal(hidden.peak, null);
  assert.equal(page.peakWords(hidden), "when the peak was is not known");
  const intervals = rows[0].intervals;
  assert.deepEqual(page.barsOf([null, 4, null], intervals).map(({ height }) => height), [null, 1, null]);
  assert.deepEqual(page.barsOf([null, 4, null], intervals, 2).map(({ height }) => height), [1, null]);
  assert.match(page.barsOf([null], intervals)[0].words, /: not known$/);
});

test("bars for more intervals than there is room", () => {
  const intervals = Array.from({ length: 5 }, (_, i) => ({ began: i * S, ended: (i + 1) * S }));
  assert.deepEqual(page.barsOf([0, 1, 8, 4, 2], intervals, 3), [
    { height: 1 / 8, words: "00:00:01 to 00:00:02 UTC: waited 1ns" }, { height: 1, words: "00:00:02 to 00:00:03 UTC: waited 8ns" }, { height: 1 / 4, words: "00:00:04 to 00:00:05 UTC: waited 2ns" },
  ]);
  assert.deepEqual(page.barsOf([0, 0], intervals).map(({ height }) => height), [0, 0]);
});

test("reader-writer locks, and why threads waited for them", () => {
  const of = (lock, more) => ({ lock: { named: lock }, waits: 6, short_waits: 1, long_waits: 5, gave_up: 0, most_readers: null, readers: null, causes: [{ cause: "upgrade", waits: 6, waited_ns: 0 }], ...more });
  const routes = of("routes", {
    waits: 4210, short_waits: 3100, long_waits: 1110, most_readers: 6, readers: { share: 2.31, is_estimate: true },
    causes: [{ cause: "writer_behind_readers", waits: 1040, waited_ns: 2.56 * S }, { cause: "reader_behind_waiting_writer", waits: 3170, waited_ns: 0.6 * S }],
  });
  const rows = page.rwlockRows(read([], { rwlocks: [of("tree"), routes] }));
  assert.deepEqual(rows.map((row) => page.RWLOCK_COLUMNS.map((column) => column.show(row)).join(" | ")), [
    "routes | 4.21k | 3.10k | 1.11k | 0 | 3.16s | ~2.31 | 6 | 81% writer behind readers: 1.04k waits, 2.56s; 19% reader behind a waiting writer: 3.17k waits, 600ms",
    "tree | 6 | 1 | 5 | 0 | - | - | - | 100% upgrade behind readers: 6 waits",
  ]);
  assert.deepEqual([[2.31, "is_partial"], [0.0001, "is_estimate"], [0.05, "none"], [12.34, "none"], [0, "none"]].map(([share, of]) => page.readersText({ readers: { share, [of]: true } })), [">2.31", "<.001", "0.050", "12.3", "0"]);
  assert.deepEqual(page.rwlockRows(read([])), []);
});
