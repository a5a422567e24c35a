// The page's pure parts without a browser: `node --test`.
import assert from "node:assert/strict";
import test from "node:test";
import { document, exact, page, point, read, site, words } from "./pure.mjs";

const waiting = (id, name, lock, line, holder, more) => ({
  thread: { id, name }, lock: { named: lock }, address: "0000000000001000", mode: "exclusive", site: site(line, "src/bank.rs"), waited_ns: 3e9,
  holder: { thread: holder, mode: "exclusive", site: site(line + 1, "src/bank.rs") }, ...more,
});

test("deadlocks come first", () => {
  const [transfer, report] = [{ id: 7, name: "transfer" }, { id: 8, name: "report" }];
  const waits = [waiting(7, "transfer", "audit", 19, report), waiting(8, "report", "accounts", 24, transfer)];
  const said = (more) => page.findings(read([], more)).map(words);
  const all = said({ waiters: waits, deadlocks: [{ certain: true, waits }] });
  assert.deepEqual(all.slice(0, 1), [
    "Deadlock: 2 threads wait for one another, for ever. transfer (7) has waited 3.00s at src/bank.rs:19 for audit, which report (8) acquired at src/bank.rs:20. report (8) has waited 3.00s at src/bank.rs:24 for accounts, which transfer (7) acquired at src/bank.rs:25.",
  ]);
  const itself = waiting(7, "transfer", "audit", 19, transfer);
  assert.equal(said({ deadlocks: [{ waits: [itself] }] })[0],
    "Possible deadlock: a thread waits for itself, unless another reader is the one that is waited for, or a wait has a time limit. transfer (7) has waited 3.00s at src/bank.rs:19 for audit, which it acquired at src/bank.rs:20.");
  assert.equal(said({ waiters: waits.slice(0, 1) }).some((text) => /stuck|deadlock/i.test(text)), false);
});

// The cases of the text report's own tests: page and report write numbers alike.
test("durations", () => {
  const cases = [[0, "0ns"], [999, "999ns"], [1000, "1.00µs"], [1005, "1.01µs"], [9994, "9.99µs"], [9995, "10.0µs"], [99_950, "100µs"], [999_499, "999µs"], [999_500, "1.00ms"], [1_234_567, "1.23ms"], [59e9, "59.0s"], [999_500_000_000, "1000s"], [12_345_678_901_234, "12346s"], [2 ** 64, "18446744074s"]];
  for (const [ns, text] of cases) assert.equal(page.duration(ns), text, String(ns));
});

test("counts and shares", () => {
  for (const [n, text] of [[0, "0"], [999, "999"], [1000, "1.00k"], [45_600, "45.6k"], [999_499, "999k"], [999_500, "1.00M"], [2 ** 64, "18.4E"]]) assert.equal(page.count(n), text);
  const shares = [[0, 1000, "0%"], [1, 1e6, "<0.1%"], [1, 1000, "0.1%"], [25, 1000, "2.5%"], [99, 1000, "9.9%"], [999, 10_000, "10%"], [999, 1000, ">99%"], [1000, 1000, "100%"], [1, 0, "-"]];
  for (const [part, whole, text] of shares) assert.equal(page.percent(part, whole), text);
  assert.equal(page.digits(1234567), "1\u202f234\u202f567");
  assert.deepEqual([page.threads(0), page.threads(0.004), page.threads(0.04), page.threads(2.66), page.threads(12.3)], ["0", "<0.01", "0.04", "2.7", "12"]);
});

test("who waits now, behind whom", () => {
  const S = 1e9;
  const holder = (thread, line, more) => ({ thread, mode: "exclusive", site: site(line), ...more });
  const waiter = (name, line, waited_ns, more) => ({ thread: { id: line, name }, lock: { named: "accounts" }, address: "10", mode: "exclusive", site: site(line), waited_ns, ...more });
  const transfer = holder({ id: 11, name: "transfer" }, 17, { held_ns: 66 * S });
  const { waiters } = read([], { waiters: [
    waiter("report", 24, 65 * S, { holder: transfer }), waiter(undefined, 25, 2 * S, { holder: transfer, mode: "shared" }),
    waiter("a\u202eb", 40, 1.5 * S, { lock: { created: site(9) }, holder: holder({ id: 15 }, 41, { mode: "shared" }) }),
    { ...waiter("", 60, S, { lock: { named: "queue" }, holder: holder(undefined, 61, { exited: true }) }), thread: undefined },
    { ...waiter("", 80, S, { lock: { named: "mailbox" }, handed: true }), thread: undefined },
  ] });
  const all = page.waitedFor(waiters).map(({ head, waiters }) => [words({ parts: head }), ...waiters.map(({ waited, who, where }) => [waited, words({ parts: who }), words({ parts: where })].join(" | "))]);
  assert.deepEqual(all, [
    ["accounts: held by transfer (11) at src/a.rs:17, for 1m 06s", "1m 05s | report (24) | src/a.rs:24", "2.00s | thread 25 | src/a.rs:25 (shared)"],
    ["new@src/a.rs:9: held by readers, the latest thread 15 at src/a.rs:41", "1.50s | a\\u{202e}b (40) | src/a.rs:40"],
    ["queue: held by a thread that has exited at src/a.rs:61", "1.00s | a task | src/a.rs:60"],
    ["mailbox: who holds it is not known", "1.00s | a task that was given it | src/a.rs:80"],
  ]);
  assert.equal(page.waiterCount(waiters), "3 threads and 2 tasks");
  assert.deepEqual([59e9, 65e9, 11_220e9, 187_200e9].map(page.age), ["59.0s", "1m 05s", "3h 07m", "2d 04h"]);
  const [many] = page.waitedFor(Array.from({ length: 20 }, (_, i) => waiter("w", i, S)));
  assert.deepEqual([many.waiters.length, many.hidden], [8, 12]);
  const [said] = page.findings(read([], { waiters }));
  assert.match(words(said), /^No acquisition was recorded/);
  const before = page.findings(read([point("accounts", 17, { hold: exact(5) })], { waiters }));
  assert.match(words(before[0]), /^No wait has ended: none of 10 acquisitions of 1 lock found its lock taken/);
});

test("names and places", () => {
  assert.equal(page.printable("a\u202eb\nc\u2028"), "a\\u{202e}b\\u{a}c\\u{2028}");
  assert.equal(page.shortPath("/home/me/.cargo/registry/src/index-1949/tokio-1.2.3/src/sync/mutex.rs"), "tokio-1.2.3/src/sync/mutex.rs");
  assert.equal(page.shortPath("/home/me/.cargo/git/checkouts/pool-9f8e7d/1a2b3c/src/lib.rs"), "pool-1a2b3c/src/lib.rs");
  assert.equal(page.shortPath("/rustc/abc/library/std/src/sync/mpmc.rs"), "std/src/sync/mpmc.rs");
  assert.equal(page.shortPath("./src/a.rs"), "src/a.rs");
  assert.equal(page.shortPath("crates/registry/src/index/table.rs"), "crates/registry/src/index/table.rs");
  assert.equal(page.elide("abcdefgh", 5), "ab…gh");
  const [a, b, c] = read([point("x", 1), { ...point("x", 1), site: { file: "src/a.rs", line: 1, column: 9 } }, point("x", 2)]).points;
  assert.deepEqual([a.siteName, b.siteName, c.siteName], ["src/a.rs:1:5", "src/a.rs:1:9", "src/a.rs:2"]);
});

test("behind whom a point waited", () => {
  const end = (line, more) => ({ lock: { named: "x" }, mode: "exclusive", site: site(line), ...more });
  const readers = end(0, { mode: "shared", site: { file: "(readers)", line: 0, column: 0 } });
  const rest = end(9, { lock: { named: "(rest)" } });
  const edges = [
    { waiting: end(1), holding: end(2), waits: 3, waited_ns: 620 }, { waiting: end(1), holding: end(1), waits: 9, waited_ns: 300 },
    { waiting: end(1), holding: rest, waits: 1, waited_ns: 50 }, { waiting: end(1), holding: readers, waits: 1, waited_ns: 30 },
    { holding: end(2), waits: 7, waited_ns: 900 }, { waiting: end(2), holding: end(2), waits: 3 }, { waiting: end(2), holding: end(1), waits: 1 },
  ];
  const [first, second, third] = read([point("x", 1), point("x", 2), point("x", 3)], { edges }).points;
  const said = (point) => page.holderShares(point).map(({ name, mode, waits, share }) => [name, mode, waits, share]);
  assert.deepEqual(said(first), [["src/a.rs:2", "exclusive", 3, "62%"], ["itself", "", 9, "30%"], ["src/a.rs:9:5 (rest)", "exclusive", 1, "5.0%"], ["(readers)", "", 1, "3.0%"]]);
  assert.deepEqual(said(second), [["itself", "", 3, "75%"], ["src/a.rs:1", "exclusive", 1, "25%"]]);
  assert.deepEqual(said(third), []);
  assert.deepEqual(read([point("x", 1)]).points[0].behind, []);
});

test("why threads waited for a reader-writer lock", () => {
  const of = {
    lock: { named: "x" }, waits: 6, short_waits: 1, long_waits: 4, gave_up: 1, most_readers: 3,
    causes: [{ cause: "writer_behind_readers", waits: 4, waited_ns: 750 }, { cause: "of_tomorrow", waits: 2, waited_ns: 250 }],
    readers: { share: 2.3, is_estimate: true, is_partial: false },
  };
  const [first, second] = read([point("x", 1), point("y", 2)], { rwlocks: [of] }).points;
  assert.equal(second.rwlock, null);
  const said = page.causeShares(first.rwlock).map(({ words, waits, share }) => [words, waits, share]);
  assert.deepEqual(said, [["writer behind readers", 4, "75%"], ["of_tomorrow", 2, "25%"]]);
  assert.equal(page.rwlockWords(first.rwlock), "6 waits (1 short, 4 long, 1 gave up); about 2.30 readers on average, at least 3 at once as seen by those who waited.");
  assert.equal(page.rwlockWords({ ...of, gave_up: 0, readers: null, most_readers: null }), "6 waits (1 short, 4 long); readers not measured.");
});

test("quantiles are measured values", () => {
  const reservoir = [[100, 5], [300, 6], [900, 1]];
  assert.deepEqual([0.4, 0.5, 0.99, 1].map((q) => page.quantile(reservoir, q)), [100, 300, 900, 900]);
  assert.equal(page.quantile([], 0.5), null);
  // Compares the quotient of whole numbers, not the product: 0.07 * 100 is more than 7.
  assert.equal(page.quantile([[1, 7], [2, 93]], 0.07), 1);
});

test("the snapshot's own findings", () => {
  const threads = (more) => ({ name: "threads", value: 2.7, standard_error: 0, is_estimate: false, is_partial: false, ...more });
  const own = (more) => ({
    kind: "slow_caller", lock: { named: "sessions" }, site: site(41), mode: "exclusive", cost_ns: 27e8, cost_error_ns: 0, evidence: [threads()],
    text: "4 waits for `sessions` took 2.70s.", remedy: "Shorten the hold\u202e.", ...more,
  });
  const points = [point("sessions", 88, { contentions: 4, wait: exact(1.5e9, 1.2e9) }), point("sessions", 41)];
  const shown = (found) => page.findings(read(points, { findings: [found] }))[0];
  const first = shown(own());
  assert.equal(`${first.figure} ${first.unit}`, "2.7 threads");
  assert.equal(words(first), "4 waits for sessions took 2.70s. To do: Shorten the hold\\u{202e}.");
  assert.deepEqual(first.parts[1], { code: "sessions", title: "sessions" });
  assert.equal(first.point.site.line, 41);
  assert.equal(shown(own({ evidence: [threads({ is_estimate: true })] })).figure, "~2.7");
  assert.equal(shown(own({ evidence: [threads({ is_partial: true })] })).figure, ">2.7");
  assert.equal(shown(own({ site: null })).point, undefined);
  const tries = { ...threads(), name: "try_failures_per_second", value: 400_000 };
  const loop = shown(own({ evidence: [tries], kind: "try_loop" }));
  assert.equal(`${loop.figure} ${loop.unit}`, "400k tries a second");
});

test("an error has the tail in it", () => {
  const hold = { samples: 10, events: 1000, total_ns: 110e6, total_variance: 0, max_ns: 10e6, longest_sampled_ns: 10e6, reservoir: [[1e6, 1]] };
  const [a] = read([point("a", 1, { hold })]).points;
  assert.equal(page.relativeError(a.hold), 9);
  assert.equal(page.totalText(a.hold), "~110ms ±>100%");
  assert.equal(page.totalText({ ...a.hold, longest_sampled_ns: 0 }), "~110ms");
});

test("an interval that begins at a peek is not complete", () => {
  const complete = (more) => page.isComplete(read([point("a", 1)], more));
  assert.equal(complete({ base: 4, collection: 5 }), true);
  assert.equal(complete({ base: 4, collection: 5, peek: true }), false);
  assert.equal(complete({ base: 5, collection: 5, peek: true }), false);
  assert.equal(complete({ collection: 5, peek: true }), true);
});

test("nothing is said that the numbers do not carry", () => {
  const said = (points, more) => page.findings(read(points, more)).map(words).join("\n");
  assert.match(said([]), /^Nothing recorded yet/);
  assert.match(said([], { profiler_mode: { kind: "off" } }), /the profiler is off/);
  assert.match(said([], { base: 0 }), /^No lock was used in 1\.00s\.$/);
  assert.match(said([point("a", 1)]), /^Nothing waited: none of 10 acquisitions of 1 lock found its lock taken/);
  assert.match(said([point("a", 1, { contentions: 1, wait: exact(1000) })]), /^Little waiting/);
  assert.match(said([point("a", 1, { contentions: 3 })], { profiler_mode: { kind: "counts" } }), /3 of 10 acquisitions waited \(30%\); for how long is not known \(mode counts has no clock\)/);
  assert.match(said([point("a", 1, { contentions: 1, wait: exact(1e9) })]), /^No finding: the waiting is too uncertain/);
  assert.match(said([point("a", 1)], { losses: { memory: 2, guards: 5, stacks: 0 } }), /LOST 7 events: guards 5, memory 2\./);
  assert.match(said([point("a", 1)], { losses: { slow_events: 1 } }), /LOST 1 event: slow_events 1\. The numbers have them\./);
  assert.match(said([point("a", 1, { timeouts: 2, abandoned_wait_ns: 5e6 })]), /a: 2 acquires gave up after 5\.00ms in all/);
  assert.match(said([point("a", 1)], { base: 1, collection: 9 }), /cover only the last part of the interval/);
  assert.throws(() => page.readSnapshot({ format: "x" }), /no snapshot of lockprof/);
  assert.throws(() => page.readSnapshot({ ...document([]), schema: 3 }), /newer than this page/);
  assert.throws(() => page.readSnapshot({ error: "weight NaN" }), /weight NaN/);
});

test("sorting and filtering", () => {
  const { points } = read([point("b", 9, { wait: exact(5) }), point("a", 41), point("a", 10, { wait: exact(7) })]);
  const column = (id) => page.COLUMNS.find((c) => c.id === id);
  const lines = (id, descending) => page.sorted(points, column(id), descending).map((p) => p.site.line);
  assert.deepEqual(lines("wait_total", true), [10, 9, 41]);
  // Values that were not measured come last in either direction.
  assert.deepEqual(lines("wait_total", false), [9, 10, 41]);
  assert.deepEqual(lines("site", false), [9, 10, 41]);
  assert.deepEqual(lines("lock", false), [41, 10, 9]);
  assert.deepEqual(page.filtered(points, " A  :41 ").map((p) => p.site.line), [41]);
  assert.equal(page.filtered(points, "EXCLUSIVE").length, 3);
});

test("distributions", () => {
  const { bins, weight, samples } = page.histogram([[0, 1], [100, 2], [100, 3], [99_999, 1]]);
  assert.equal(weight, 7);
  assert.equal(samples, 4);
  assert.equal(bins.reduce((sum, bin) => sum + bin.weight, 0), 7);
  const hundred = bins.find((bin) => bin.weight === 5);
  assert.ok(hundred.from <= 100.001 && hundred.to > 100);
  assert.equal(page.histogram([]), null);
});

test("callers that read alike are one", () => {
  const stack = (address, line, wait_ns) => ({ frames: [{ function: "f", file: "/srv/app/src/a.rs", line, address }], waits: 1, wait_ns, samples: 1 });
  const callers = page.callersAlike(read([point("a", 1, { callers: [stack(1, 20, 50), stack(2, 30, 40), stack(3, 30, 30)] })]).points[0]);
  assert.deepEqual(callers.map(({ waits, wait_ns }) => [waits, wait_ns]), [[2, 70], [1, 50]]);
});

test("locks by the place of their first use", () => {
  const lock = (first_used) => ({ ...point("", 1), lock: { first_used } });
  const names = read([lock(site(7, "src/x.rs")), lock({ ...site(7, "src/x.rs"), column: 9 }), lock(site(8, "src/x.rs"))]).points.map((p) => p.lockName);
  assert.deepEqual(names, ["first@src/x.rs:7:5", "first@src/x.rs:7:9", "first@src/x.rs:8"]);
});

test("locks by the place of their creation", () => {
  const lock = (created) => ({ ...point("", 1), lock: { created } });
  const names = read([lock(site(7, "src/x.rs")), lock({ ...site(7, "src/x.rs"), column: 9 }), lock(site(8, "src/x.rs")), lock({ file: "(rest)", line: 0, column: 0 })]).points.map((p) => p.lockName);
  assert.deepEqual(names, ["new@src/x.rs:7:5", "new@src/x.rs:7:9", "new@src/x.rs:8", "(rest)"]);
});

test("the parts of a place", () => {
  assert.deepEqual(page.pathParts("new@src/net/pool.rs:17:5"), ["new@", "src/net/", "pool.rs", ":17:5"]);
  assert.deepEqual(page.pathParts("first@pool.rs:17"), ["first@", "", "pool.rs", ":17"]);
  assert.deepEqual(page.pathParts("(readers)"), ["", "", "(readers)", ""]);
});

test("the name of the program", () => {
  assert.equal(read([], { program: "ser\u202ever" }).program, "ser\\u{202e}ver");
  assert.equal(read([]).program, null);
});

test("the tree of waiting adds up", () => {
  const frame = (name, line) => ({ function: name, file: "/srv/app/src/a.rs", line, address: line });
  const callers = [{ frames: [frame("lock", 1), frame("f", 20), frame("main", 30)], waits: 1, wait_ns: 60, samples: 1 }];
  const tree = page.waitTree(read([point("a", 1, { wait: exact(100), callers }), point("a", 2, { wait: exact(50) }), point("b", 3)]).points);
  assert.equal(tree.value, 150);
  assert.deepEqual(tree.children.map((c) => [c.name, c.value]), [["a", 150]]);
  const [first, second] = tree.children[0].children;
  assert.deepEqual([first.name, first.value, second.value], ["src/a.rs:1", 100, 50]);
  assert.deepEqual([first.children[0].name, first.children[0].value, first.children[0].children[0].name], ["f", 60, "main"]);
  // Estimates above the total are scaled down.
  callers[0].wait_ns = 400;
  assert.equal(page.waitTree(read([point("a", 1, { wait: exact(100), callers })]).points).value, 100);
  assert.equal(page.waitTree(read([point("a", 1)]).points), null);
});

test("the tree of holders adds up", () => {
  const end = (line, mode = "exclusive") => ({ lock: { named: "a" }, mode, site: site(line) });
  const edges = [
    { waiting: end(2), holding: end(1), waits: 3, waited_ns: 70 },
    { waiting: end(3, "shared"), holding: end(1), waits: 1, waited_ns: 20 },
    { holding: end(1), waits: 1, waited_ns: 5 },
    { waiting: end(1), holding: end(2), waits: 1, waited_ns: 10 },
    { waiting: end(2), holding: end(2), waits: 1 },
  ];
  const points = [point("a", 1), point("a", 2), point("a", 3, { mode: "shared" })];
  const tree = page.holderTree(read(points, { edges }).points);
  assert.equal(tree.value, 105);
  assert.deepEqual(tree.children.map((c) => [c.name, c.value]), [["a", 105]]);
  const named = (node) => node.children.map((c) => [c.name, c.value]);
  const [first, second] = tree.children[0].children;
  assert.deepEqual([first.name, first.value, named(first)], ["src/a.rs:1", 95, [["src/a.rs:2", 70], ["src/a.rs:3 (shared)", 20], ["(others)", 5]]]);
  assert.deepEqual([second.name, second.value, named(second)], ["src/a.rs:2", 10, [["src/a.rs:1", 10]]]);
  assert.equal(page.holderTree(read(points).points), null);
});

test("contention over time", () => {
  const history = new page.History(10_000);
  const at = (elapsed, ns, more) => read([point("a", 1, { wait: exact(ns) })], { elapsed_ns: elapsed, ...more });
  history.add(at(1e9, 1e9), 1000);
  history.add(at(2e9, 3e9), 2000);
  history.add(at(2.1e9, 9e9), 2100);
  history.add(at(3e9, 2e9), 3000);
  history.add(at(1e9, 1e9, { resets: 1 }), 4000);
  history.gap(5000);
  history.gap(6000);
  history.add(at(9e9, 9e9, { resets: 1 }), 7000);
  history.add(at(10e9, 9.5e9, { resets: 1 }), 8000);
  const { at: times, lines } = history.lines(4);
  assert.deepEqual(times, [2000, 3000, 4000, 8000]);
  assert.deepEqual(lines.map((line) => line.values), [[2, 0, null, 0.5], [2, 0, null, 0.5]]);
  history.add(at(20e9, 9.5e9, { resets: 1 }), 17_000);
  assert.deepEqual(history.lines(4).at, [8000, 17_000]);
});
