// The table's cells, computed a second time from the JSON.
import assert from "node:assert/strict";
import { format } from "./browser.mjs";

const { duration, count, digits, percent, printable } = format;

/** Computes a quantile by its definition: the share of the weight up to each value. */
function quantile(times, q) {
  const whole = times.reservoir.reduce((sum, [, w]) => sum + w, 0);
  let below = 0;
  return times.reservoir.find(([, w]) => (below += w) / whole >= q)?.[0];
}

/** The expected cells of a raw point, by column. */
function expected(point) {
  const { acquisitions, contentions = 0, blocked = 0, caused_wait_ns: caused = 0, caused_variance: variance = 0 } = point;
  const said = {
    acquisitions: [count(acquisitions), digits(acquisitions)], contentions: [count(contentions), digits(contentions)], contention_ratio: [percent(contentions, acquisitions)],
    blocked: [count(blocked), digits(blocked)], caused: [caused > 0 ? `${variance > 0 ? "~" : ""}${duration(caused)}` : "-", caused > 0 ? `${digits(caused)} ns` : ""],
  };
  for (const kind of ["wait", "hold"]) {
    const times = point[kind];
    const measured = times?.samples > 0;
    const about = measured && (times.events > times.samples || times.total_variance > 0) ? "~" : "";
    const unseen = measured ? Math.max(0, times.events - times.samples) / times.samples : 0;
    const error = about ? Math.hypot(Math.sqrt(times.total_variance ?? 0), unseen * (times.longest_sampled_ns ?? 0)) / times.total_ns : 0;
    const total = measured ? `${times.unmeasured > 0 ? ">" : about}${duration(times.total_ns)}${error > 1 ? " ±>100%" : error > 0.1 ? ` ±${Math.round(100 * error)}%` : ""}` : "-";
    said[`${kind}_total`] = [total, measured ? `${digits(times.total_ns)} ns` : ""];
    for (const q of [50, 95, 99]) said[`${kind}_p${q}`] = [measured && quantile(times, q / 100) !== undefined ? about + duration(quantile(times, q / 100)) : "-"];
    said[`${kind}_max`] = [measured ? duration(times.max_ns) : "-"];
  }
  return said;
}

/** Compares each row to the JSON; returns the number of rows. */
export async function valuesAreTheJsons(page, snapshot) {
  // In the file's order: by total wait, longest first.
  const rows = await page.$$eval("#table tbody tr.point", (trs) => trs.map((tr) => Object.fromEntries([...tr.cells].map((td) => [td.classList[0], [td.textContent, td.title]]))));
  assert.equal(rows.length, Math.min(200, snapshot.points.length));
  const unknown = new Map(snapshot.points.map((p) => [`${digits(p.acquisitions)} ${p.site.line}`, p]));
  for (const row of rows) {
    // The readers of a lock together have no line.
    const line = /:(\d+)(:\d+)?$/.exec(row.site[0])?.[1] ?? "0";
    const point = unknown.get(`${row.acquisitions[1]} ${line}`);
    assert.ok(point, `a row that is in the file: ${JSON.stringify(row)}`);
    unknown.delete(`${row.acquisitions[1]} ${line}`);
    for (const [column, [text, title]] of Object.entries(expected(point))) {
      assert.equal(row[column][0], text, `${column} of line ${line}`);
      if (title) assert.ok(row[column][1].startsWith(title), `${column} of line ${line}: ${row[column][1]} begins with ${title}`);
    }
    if (point.lock.named) assert.ok(row.lock[0].endsWith(printable(point.lock.named)));
  }
  return rows.length;
}
