// The page's pure parts without a browser, for `node --test`, and documents to try them on.
import { readFileSync } from "node:fs";

const js = new URL("../../crates/nexus-lockprof-export/src/html/assets/js/", import.meta.url);
const source = ["format", "model", "waiters", "behind", "rwlocks", "deadlocks", "order", "findings", "columns", "threads", "instances", "past", "charts"].map((name) => readFileSync(new URL(`${name}.js`, js), "utf8")).join("\n");
const names = "duration age count digits percent threads printable shortPath pathParts elide readSnapshot quantile waitedFor waiterCount findings COLUMNS filtered sorted histogram callersAlike waitTree holderTree History lockClasses totalText relativeError isComplete holderShares causeShares rwlockWords potentialDeadlocks lockPairs DANGERS PAIR_COLUMNS threadRows starvedWords THREAD_COLUMNS instanceRows unlistedWords INSTANCE_COLUMNS pastWaits peakWords barsOf PAST_COLUMNS rwlockRows RWLOCK_COLUMNS readersText";
export const page = new Function(`"use strict"; ${source}; return { ${names.split(" ").join(", ")} };`)();
export const words = (finding) => finding.parts.map((part) => (typeof part === "string" ? part : part.code)).join("");

export const site = (line, file = "src/a.rs") => ({ file, line, column: 5 });
export const exact = (...values) => ({ samples: values.length, events: values.length, total_ns: values.reduce((a, b) => a + b, 0), max_ns: Math.max(...values), reservoir: values.map((v) => [v, 1]) });
export const document = (points, more = {}) => ({
  format: "lockprof-snapshot", schema: 2, engine: "1", pid: 1, taken_unix_ns: 0, collection: 1, resets: 0, elapsed_ns: 1_000_000_000, profiler_mode: { kind: "exact" },
  table: { shards: 1 }, points, ...more,
});
export const read = (points, more) => page.readSnapshot(document(points, more));
export const point = (lock, line, more) => ({ lock: { named: lock }, mode: "exclusive", site: site(line), acquisitions: 10, ...more });
