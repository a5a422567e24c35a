// The panes beside the table: lock order, history, threads, instances, and pairs of locks.
import assert from "node:assert/strict";
import { done, file, format, json, open } from "./browser.mjs";

const { count, printable } = format;

/** Those with a table. */
export const PANES = ["history", "threads", "instances", "rwlocks", "pairs"];

/** The texts of a pane's column, from top to bottom. */
const column = (page, pane, name) => page.$$eval(`#${pane} tr.row > td.${name}`, (tds) => tds.map((td) => td.textContent));

export async function allPanes() {
  for (const part of [order, history, threads, instances, rwlocks, pairs, details, sorting, filter, more]) {
    const page = await open(file("demo"));
    await part(page);
    await page.context().close();
  }
  await hostile();
  await nothing();
}

async function order(page) {
  assert.deepEqual(await page.$$eval("#potential p, #potential ul > li", (all) => all.map((e) => e.textContent)), [
    "Potential deadlock: 2 locks were acquired in different orders.",
    "worker (4720) held sessions (src/http.rs:88) and acquired shard (src/http.rs:90), 12 times.",
    "worker (4720) held shard (src/http.rs:41) and acquired sessions (src/http.rs:44), once.",
    "Recursive read: a thread read a lock that it already read. It can wait for ever if a writer comes in between.",
    "worker (4720) held sessions (src/http.rs:7) and acquired sessions (src/http.rs:9), 3 times.",
  ]);
  assert.match(await page.textContent("#potential > li:last-child"), /^In mode sampled, a lock that is always held around these may be unknown/);
  const top = (id) => page.$eval(id, (e) => e.getBoundingClientRect().top);
  assert.ok((await top("#order")) < (await top("#findings")));
  done("orders that can deadlock stand above the findings");
}

async function history(page) {
  assert.deepEqual(await column(page, "history", "site"), ["src/http.rs:88", "src/cache.rs:41", "src/pool.rs:64"]);
  assert.deepEqual(await column(page, "history", "waited"), ["~1.70s", "850ms", "850ms"]);
  assert.equal(await page.textContent("#history .said"), "The last 60 intervals of the program, 60.0s. A wait counts when it ends.");
  const words = await page.$$eval("#history .sparkline", (all) => all.map((e) => e.getAttribute("aria-label")));
  assert.deepEqual(words.slice(0, 2), ["all locks: waited 3.40s", "peak 06:19:12 to 06:19:14 UTC: waited ~1.70s of ~1.70s in 2 of 60 intervals"]);
  // The bars of the second row: one is high, and says when and how long.
  const bars = await page.$$eval("#history tr.row:nth-child(2) .sparkline i", (all) => all.map((i) => [i.firstChild.getBoundingClientRect().height, i.title]));
  assert.equal(bars.length, 60);
  assert.deepEqual(bars.flatMap(([height], at) => (height > 10 ? [at] : [])), [12]);
  assert.equal(bars[12][1], "06:19:12 to 06:19:13 UTC: waited 850ms");
  done("the history has a bar for each interval");
}

async function threads(page) {
  assert.equal(await page.textContent("#threads .said"), "worker-0 (4800) waited 31.0s, 95% of the time that threads waited.");
  await page.click("#threads .more button");
  const names = await column(page, "threads", "thread");
  assert.deepEqual([...names.slice(0, 2), ...names.slice(-3)], ["worker-0 (4800)", "worker-29 (4829)", "thread 4801", "12 threads that ended", "worker-2 (4802)"]);
  assert.deepEqual((await column(page, "threads", "waited")).slice(-3), ["61.0ms", "58.0ms", "-"]);
  assert.equal((await column(page, "threads", "held"))[0], "~3.10ms");
  assert.equal(await page.locator("#threads tr.standout").count(), 1);
  assert.equal(await page.textContent("#threads tr.standout td"), "worker-0 (4800)");
  done("a starved thread stands out");
}

async function instances(page) {
  assert.deepEqual(await column(page, "instances", "address"), ["7f31c4004180", "7f31c40041c0"]);
  assert.deepEqual(await column(page, "instances", "waited"), ["90.0s", "6.00s to 7.50s"]);
  assert.match((await column(page, "instances", "share"))[1], /^[\d.]+% to [\d.]+%$/);
  assert.match(await page.textContent("#instances .said"), /Any other lock: at most 3\.00ms\.$/);
  done("the locks of a class have bounds");
}

async function rwlocks(page) {
  const [of] = json("demo").points.filter(({ lock, mode }) => lock.named === "cache shard" && mode === "shared");
  assert.deepEqual(await column(page, "rwlocks", "lock"), ["cache shard"]);
  assert.deepEqual(await column(page, "rwlocks", "long"), [count(of.long_waits)]);
  assert.deepEqual(await page.$$eval("#rwlocks td.causes div", (all) => all.map((e) => e.textContent)), [
    "94% not known behind whom: 11.1k waits, 12.0s", "4.7% reader behind a writer: 40.0k waits, 600ms", "0.8% writer behind readers: 1.70k waits, 100ms",
  ]);
  done("why threads waited for a reader-writer lock");
}

async function pairs(page) {
  assert.deepEqual(await column(page, "pairs", "danger"), ["potential deadlock", "potential deadlock", "recursive read", "guarded", "-"]);
  assert.deepEqual((await column(page, "pairs", "held_site")).slice(0, 2), ["src/http.rs:88", "src/http.rs:41"]);
  done("the dangerous pairs come first");
}

/** The details of a point have the history of the point, and the instances and causes of its lock. */
async function details(page) {
  await page.click("#findings li:first-child button");
  const text = await page.textContent(".detail");
  assert.match(text, /Historypeak 06:19:12 to 06:19:13 UTC: waited 850ms of 850ms in 1 of 60 intervals/);
  assert.equal(await page.locator(".detail .sparkline i").count(), 60);
  assert.match(text, /Instances of the lock[\d.]+%310 waits, 90\.0s7f31c4004180[\d.]+%66 waits, 6\.00s to 7\.50s7f31c40041c0/);
  await page.fill("#filter", "shard exclusive");
  await page.click(".turner");
  const other = await page.textContent(".detail");
  assert.doesNotMatch(other, /History|Instances/);
  assert.match(other, /Reader-writer lock.*reader behind a writer/);
  done("a point's details have its history, and the instances of its lock");
}

/** Each column of each pane sorts, by click and by key. */
async function sorting(page) {
  for (const pane of PANES) {
    const columns = await page.$$eval(`#${pane} th`, (ths) => ths.filter((th) => th.checkVisibility()).map((th) => th.classList[0]));
    assert.ok(columns.length >= 5, pane);
    for (const name of columns) {
      const sort = () => page.getAttribute(`#${pane} th.${name}`, "aria-sort");
      const rows = () => page.$$eval(`#${pane} tr.row`, (trs) => trs.map((tr) => tr.textContent + tr.querySelector(".sparkline")?.ariaLabel));
      await page.click(`#${pane} th.${name} button`);
      const [first, before] = [await sort(), await rows()];
      assert.match(first, /^(a|de)scending$/);
      await page.keyboard.press("Enter");
      assert.notEqual(await sort(), first, `${pane} ${name}`);
      const cells = await column(page, pane, name);
      if (new Set(cells).size > 1) assert.notDeepEqual(await rows(), before, `${pane} ${name} turned round`);
    }
  }
  done("every column of the panes sorts, by click and by key");
}

async function filter(page) {
  await page.keyboard.press("/");
  await page.keyboard.type("worker-7");
  assert.deepEqual(await column(page, "threads", "thread"), ["worker-7 (4807)"]);
  assert.equal(await page.textContent("#instances .more"), "No lock has all of these words.");
  await page.fill("#filter", "pool 64");
  assert.deepEqual(await column(page, "history", "site"), ["src/pool.rs:64"]);
  await page.fill("#filter", "log guarded");
  assert.deepEqual(await column(page, "pairs", "danger"), ["guarded"]);
  await page.fill("#filter", "41c0");
  assert.deepEqual(await column(page, "instances", "address"), ["7f31c40041c0"]);
  // A finding leads to its point, so nothing is filtered any more.
  await page.click("#findings li:first-child button");
  assert.equal((await column(page, "instances", "address")).length, 2);
  done("the filter reaches the panes");
}

async function more(page) {
  assert.equal(await page.locator("#threads tr.row").count(), 20);
  assert.match(await page.textContent("#threads .more"), /^Showing the first 20 of 31 threads by waited\..*Show 11 more$/);
  await page.focus("#threads .more button");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#threads tr.row").count(), 31);
  assert.ok(await page.isHidden("#threads .more"));
  done("a button shows more rows");
}

async function hostile() {
  const page = await open(file("hostile"));
  const names = [...new Set(json("hostile").instances.map(({ lock }) => printable(lock.named) || '""'))].sort();
  assert.deepEqual([...new Set(await column(page, "instances", "lock"))].sort(), names);
  // These locks have no readers.
  for (const pane of PANES.filter((pane) => pane !== "rwlocks")) assert.ok(await page.isVisible(`#${pane}`), pane);
  assert.equal(await page.locator("img, script[src], iframe, b").count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await page.context().close();
  done("hostile names are text in the panes");
}

/** Neither a program without any of it nor a file from before there was any has a pane. */
async function nothing() {
  for (const [name, panes] of [["empty", PANES], ["rich", PANES.filter((pane) => pane !== "rwlocks")]]) {
    const page = await open(file(name));
    for (const pane of ["order", ...panes]) assert.ok(await page.isHidden(`#${pane}`), `${pane} of ${name}`);
    await page.context().close();
  }
  done("no data, no pane");
}
