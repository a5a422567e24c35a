// Snapshots for testing the page: `node snapshots.mjs FOLDER` writes demo.json, hostile.json,
// empty.json and many.json.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A small generator (mulberry32) that makes the same numbers in each run. */
function randomly(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const random = randomly(7);

/** Durations around `median`; each sample represents `weight` events. */
function times(n, median, spread, weight = 1) {
  const bell = () => random() + random() + random() + random() - 2;
  const values = Array.from({ length: n }, () => Math.round(median * Math.exp(spread * bell()))).sort((a, b) => a - b);
  const total = values.reduce((sum, v) => sum + v, 0) * weight;
  return {
    samples: n, total_ns: total, events: n * weight, max_ns: values.at(-1) ?? 0, reservoir: values.map((v) => [v, weight]),
    ...(weight > 1 ? { total_variance: (0.03 * total) ** 2 } : {}),
  };
}

function snapshot(points, more = {}) {
  return {
    format: "lockprof-snapshot", schema: 2, engine: "00000000000000a1", pid: 4711, program: "app", taken_unix_ns: 1763878800123456800, collection: 3, resets: 0,
    elapsed_ns: 60_000_000_000, profiler_mode: { kind: "sampled", budget: 0.01 },
    table: { acquisitions: 0, records: 0, max_records: 4096, rejected: 0, hash_size: 64, collisions: 0, shards: 12 },
    overhead: { budgeted_ns: 4_100_000_000, counting_ns: 900_000_000, threads_ns: 720_000_000_000 },
    points, ...more,
  };
}

const site = (file, line, column = 9) => ({ file, line, column });
const frame = (fn, file, line) => ({ function: fn, file, line, address: 4096 + line });
const stack = (wait_ns, waits, ...frames) => ({ frames, wait_ns, waits, samples: Math.ceil(waits / 3) });

function demo() {
  const serve = frame("app::server::serve", "/srv/app/src/server.rs", 77);
  const handle = frame("app::http::handle", "/srv/app/src/http.rs", 210);
  const sessions = { named: "sessions" };
  const shard = { named: "cache shard" };
  const shards = "/home/me/.cargo/registry/src/index.example-1949cf8c6b5b557f/lru-0.16.2/src/shard.rs";
  const cached = times(900, 21_000_000, 0.9, 8);
  return snapshot([
    {
      lock: sessions, mode: "exclusive", site: site("src/http.rs", 88), acquisitions: 182_344, contentions: 7200, blocked: 912, try_failures: 41,
      caused_wait_ns: 21_400_000_000, caused_variance: 4e17, wait: cached, hold: times(1200, 9_000, 0.8, 150),
      callers: [
        stack(88e9, 4100, frame("app::session::Store::touch", "/srv/app/src/http.rs", 88), frame("app::http::login", "/srv/app/src/http.rs", 120), handle, serve),
        stack(31e9, 1500, frame("app::session::Store::touch", "/srv/app/src/http.rs", 88), frame("app::http::logout", "/srv/app/src/http.rs", 140), handle, serve),
        stack(9e9, 400, frame("app::session::Store::touch", "/srv/app/src/http.rs", 88), frame("app::metrics::sample", "/srv/app/src/metrics.rs", 33), frame("app::metrics::run", "/srv/app/src/metrics.rs", 12)),
      ],
    },
    {
      lock: sessions, mode: "exclusive", site: site("src/cache.rs", 41), acquisitions: 1312, contentions: 240, blocked: 6880, caused_wait_ns: 139_000_000_000,
      caused_variance: 9e18, wait: times(240, 6_000_000, 1.2), hold: times(512, 38_000_000, 0.7, 2),
    },
    { lock: shard, mode: "shared", site: site(shards, 305), acquisitions: 48_211_090, contentions: 51_020, long_waits: 900, most_readers: 3, blocked: 800, caused_wait_ns: 210_000_000, wait: times(700, 190_000, 1.4, 70), hold: times(1024, 310, 0.5, 47_000) },
    { lock: shard, mode: "exclusive", site: site(shards, 318), acquisitions: 212_400, contentions: 1800, blocked: 50_400, caused_wait_ns: 9_100_000_000, caused_variance: 4e16, wait: times(300, 80_000, 1.1, 6), hold: times(900, 2_600, 0.9, 230) },
    { lock: { created: site("src/pool.rs", 17, 21) }, mode: "exclusive", site: site("src/pool.rs", 64), acquisitions: 90_200, contentions: 300, timeouts: 12, abandoned_wait_ns: 6_000_000_000, blocked: 312, caused_wait_ns: 2_400_000_000, wait: times(300, 7_000_000, 0.8), hold: times(800, 400_000, 1.3, 110) },
    { lock: { named: "config" }, mode: "shared", site: site("src/config.rs", 12), acquisitions: 9_003_112, hold: times(600, 60, 0.3, 15_000) },
    { lock: { named: "log" }, mode: "exclusive", site: site("src/log.rs", 9), acquisitions: 400, contentions: 3, blocked: 3, hold: { samples: 0, total_ns: 0, events: 400, max_ns: 0 }, wait: { samples: 0, total_ns: 0, events: 3, max_ns: 0 } },
    { lock: "anonymous", mode: "upgradable", site: site("src/tree.rs", 140), acquisitions: 88, hold: times(88, 4_000, 0.9) },
  ], {
    losses: { points_full: 0, stacks: 17 }, waiters: waiters(3, "worker", "src/http.rs"),
    ...order("sessions", "shard", "worker", "src/http.rs"), ...threads(30, "worker"), ...instances(sessions), history: past(60, [[sessions, "src/http.rs", 88, [12, 13]], [sessions, "src/cache.rs", 41, [12]], [{ created: site("src/pool.rs", 17, 21) }, "src/pool.rs", 64, [50]]]),
    edges: [
      { waiting: end(shard, shards, 305, "shared"), holding: end(shard, shards, 318), waits: 40_000, waited_ns: 600_000_000 },
      { waiting: end(shard, shards, 318), holding: end(shard, shards, 305, "shared"), waits: 1700, waited_ns: 100_000_000 },
      { waiting: end(sessions, "src/http.rs", 88), holding: end(sessions, "src/cache.rs", 41), waits: 6600, waited_ns: 130_000_000_000 },
      { waiting: end(sessions, "src/cache.rs", 41), holding: end(sessions, "src/cache.rs", 41), waits: 280, waited_ns: 9_000_000_000 },
    ],
  });
}

/** A point at one end of an edge. */
function end(lock, file, line, mode = "exclusive") {
  return { lock, mode, site: site(file, line) };
}

/** Threads that wait for one lock, and a task that waits for another. */
function waiters(n, name, file) {
  const holder = { thread: { id: 4720, name }, mode: "exclusive", site: site("src/cache.rs", 41) };
  const threads = Array.from({ length: n }, (_, i) => ({
    thread: { id: 4730 + i, name: i === 1 ? undefined : `${name}-${i}` }, lock: { named: "sessions" }, address: "7f00", mode: "exclusive", site: site(file, 88), waited_ns: 65_000_000_000 - 1e9 * i, holder,
  }));
  return [...threads, { lock: { created: site("src/pool.rs", 17, 21) }, address: "7f40", mode: "shared", site: site("src/pool.rs", 64), waited_ns: 1_500_000 }];
}

/** Two locks taken in both orders, one of them read twice, and a pair that is harmless. */
function order(one, other, name, file) {
  const at = (lock, line, mode = "exclusive") => ({ lock: { named: lock }, mode, site: site(file, line) });
  const pair = (held, wanted, count, more) => ({ held, wanted, count, thread: { id: 4720, name }, ...more });
  const inversion = [pair(at(one, 88), at(other, 90), 12), pair(at(other, 41), at(one, 44), 1)];
  const twice = pair(at(one, 7, "shared"), at(one, 9, "shared"), 3, { same_lock: true });
  return {
    lock_order: [pair(at(one, 1), at("log", 2), 41_000, { thread: undefined }), pair(at("log", 1), at(other, 2), 7, { guarded: true }), ...inversion, twice],
    potential_deadlocks: [{ steps: [twice] }, { steps: inversion }],
  };
}

/** One thread waits far more than the others. */
function threads(n, name) {
  const time = (ns, events) => ({ samples: events, events, total_ns: ns });
  const live = Array.from({ length: n }, (_, i) => ({
    kind: "live", thread: { id: 4800 + i, name: i === 1 ? undefined : `${name}-${i}` }, number: i, threads: 1, acquisitions: 310 + i, contentions: i === 0 ? 290 : 9,
    wait: i === 2 ? undefined : time(i === 0 ? 31_000_000_000 : 61_000_000 + i, i === 0 ? 290 : 9), hold: { ...time(3_100_000, 100), events: 310 + i },
  }));
  return { threads: [...live, { kind: "ended", threads: 12, acquisitions: 9800, contentions: 51, wait: time(58_000_000, 51), hold: time(90_100_000, 9800) }] };
}

/** Two locks that have most of the waiting, one within bounds. */
function instances(lock) {
  const of = (address, waits, least_ns, most_ns) => ({ lock, address, waits, least_ns, most_ns });
  return { instances: [of("00007f31c4004180", 310, 90_000_000_000, 90_000_000_000), of("00007f31c40041c0", 66, 6_000_000_000, 7_500_000_000)], unlisted_most_ns: 3_000_000 };
}

/** Intervals of a second; each of `[lock, file, line, at]` waited at the intervals `at`. */
function past(n, waits) {
  return Array.from({ length: n }, (_, i) => ({
    ended_unix_ns: 1_763_878_740_000_000_000 + 1e9 * (i + 1), length_ns: 1_000_000_000,
    points: waits.filter(([, , , at]) => at.includes(i)).map(([lock, file, line, at]) => ({
      lock, mode: "exclusive", site: site(file, line), acquisitions: 100, contentions: 90, wait_ns: 850_000_000 - 1e6 * at.indexOf(i), wait_max_ns: 20_000_000,
    })),
  }));
}

/** Names that would act as markup, script or direction marks if not shown as text. */
const HOSTILE = [
  "</script><img src=x onerror=alert(1)>", "<!--<script>", "\"'`&amp;<b>", "a\u2028b\u2029c", "\u202egnp.exe\u202c", "\u0000\u001b[2J\n", "x".repeat(5000), "__proto__", "", "größe 錠 🔒",
];

function hostile() {
  return snapshot(HOSTILE.map((name, i) => ({
    lock: { named: name }, mode: "exclusive", site: site(`src/${name}.rs`, i + 1), acquisitions: 100 + i, contentions: 10 + i, blocked: 4, caused_wait_ns: 1_000_000 * (i + 1),
    wait: times(20, 1_000_000 * (i + 1), 0.4), hold: times(20, 2_000, 0.4),
    callers: [stack(1_000_000, 3, frame(name, `/srv/${name}.rs`, 3), frame(`${name}::caller`, null, null))],
  })), {
    waiters: HOSTILE.flatMap((name) => waiters(1, name, name)),
    lock_order: HOSTILE.flatMap((name) => order(name, `${name}!`, name, name).lock_order), potential_deadlocks: HOSTILE.flatMap((name) => order(name, `${name}!`, name, name).potential_deadlocks),
    threads: HOSTILE.flatMap((name) => threads(1, name).threads), instances: HOSTILE.flatMap((name) => instances({ named: name }).instances),
    history: past(4, HOSTILE.map((name, i) => [{ named: name }, `src/${name}.rs`, i + 1, [1]])),
  });
}

/** As many points as an engine can be set to keep, with full reservoirs. */
function many() {
  return snapshot(Array.from({ length: 10_000 }, (_, i) => ({
    lock: { named: `lock ${i % 400}` }, mode: i % 3 ? "exclusive" : "shared", site: site(`src/module_${i % 97}/file_${i % 31}.rs`, i + 1), acquisitions: Math.round(1e6 * random()), contentions: 64,
    blocked: 3, caused_wait_ns: Math.round(1e8 * random()), wait: times(64, 20_000, 1.2), hold: times(128, 900, 1, 70),
  })), {
    ...threads(1024, "worker"), history: past(60, Array.from({ length: 64 }, (_, i) => [{ named: `lock ${i}` }, "src/http.rs", i + 1, [i % 60]])),
    lock_order: Array.from({ length: 400 }, (_, i) => order(`lock ${i}`, `lock ${i + 1}`, "worker", "src/http.rs").lock_order).flat(),
    potential_deadlocks: Array.from({ length: 400 }, (_, i) => order(`lock ${i}`, `lock ${i + 1}`, "worker", "src/http.rs").potential_deadlocks).flat(),
    instances: Array.from({ length: 128 }, (_, i) => instances({ named: `lock ${i}` }).instances).flat(), waiters: Array.from({ length: 1000 }, (_, i) => ({ ...waiters(1, "worker", "src/http.rs")[0], lock: { named: `lock ${i % 100}` } })),
  });
}

const [folder] = process.argv.slice(2);
if (folder) {
  for (const [name, json] of Object.entries({ demo: demo(), hostile: hostile(), empty: snapshot([]), many: many() })) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(json));
  }
}
