// The demo from a file: what stands where, sorting, the filter, details, and the flame graph.
import assert from "node:assert/strict";
import { cells, done, file, json, open, shoot } from "./browser.mjs";
import { valuesAreTheJsons } from "./values.mjs";

export async function demoPage() {
  for (const part of [top, sorting, filter, details, flameGraph, flameByHolder, theme]) {
    const page = await open(file("demo"));
    await part(page);
    await page.context().close();
  }
}

async function top(page) {
  assert.equal(await page.textContent("h1"), "app");
  assert.equal(await page.title(), "app: lockprof");
  assert.ok(await page.isHidden("#over-time"), "a file has no history to draw");
  assert.equal(await page.locator("#findings button", { hasText: /^look$/ }).count(), 0);
  done(`${await valuesAreTheJsons(page, json("demo"))} rows of the demo are the JSON's`);
  await shoot(page, "demo-light-1280");

  assert.equal(await page.textContent("#waiting-head"), "Waiting when it was taken: 3 threads and 1 task");
  assert.deepEqual(await page.$$eval("#waiters > li", (items) => items.map((li) => [...li.querySelectorAll("p, ul > li")].map((e) => [...e.childNodes].map((n) => n.textContent).join("|").replace(/^\|/, "")))), [
    ["sessions|: |held by |worker| (4720)| at |src/cache.rs:41|", "1m 05s|worker-0 (4730)|src/http.rs:88", "1m 04s|thread 4731|src/http.rs:88", "1m 03s|worker-2 (4732)|src/http.rs:88"],
    ["new@src/pool.rs:17|: |who holds it is not known", "1.50ms|a task|src/pool.rs:64 (shared)"],
  ]);
  const above = (id) => page.$eval(id, (e) => e.getBoundingClientRect().top);
  assert.ok((await above("#waiting")) < (await above("#findings")) && (await above("#findings")) < (await above("#table")));
  done("who waits stands above the findings and the table");

  const [first] = await page.$$eval("#findings li", (items) => items.map((li) => li.textContent));
  assert.match(first, /~2\.9threads.*waits for sessions took about .*: about 2\.85 threads.*81% of that is behind src\/cache\.rs:41/);
  done("the first finding names the culprit");
}

async function sorting(page) {
  const order = (column) => page.$eval(`#table th.${column}`, (th) => th.getAttribute("aria-sort"));
  const acquired = () => page.$$eval("#table tbody td.acquisitions", (tds) => tds.map((td) => Number(td.title.replaceAll("\u202f", ""))));
  assert.equal(await order("wait_total"), "descending");
  await page.click("#table th.acquisitions button");
  const down = await acquired();
  assert.deepEqual(down, [...down].sort((a, b) => b - a));
  assert.deepEqual([await order("acquisitions"), await order("wait_total")], ["descending", "none"]);
  await page.focus("#table th.acquisitions button");
  await page.keyboard.press("Enter");
  assert.deepEqual(await acquired(), [...down].reverse());
  assert.equal(await order("acquisitions"), "ascending");
  // Each column, including those without room, by keyboard.
  await page.check("#all-columns");
  for (const column of await page.$$eval("#table th", (ths) => ths.map((th) => th.classList[0]))) {
    await page.focus(`#table th.${column} button`);
    await page.keyboard.press("Space");
    const sort = await order(column);
    assert.match(sort, /^(a|de)scending$/);
    const seen = await cells(page, column);
    const before = await cells(page, "site");
    await page.keyboard.press("Space");
    assert.notEqual(await order(column), sort, column);
    if (new Set(seen).size > 2) assert.notDeepEqual(await cells(page, "site"), before, `${column} turned round`);
  }
  await page.uncheck("#all-columns");
  done("every column sorts, by click and by key");
}

async function filter(page) {
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "filter");
  await page.keyboard.type("shard EXCL");
  assert.deepEqual(await cells(page, "site"), ["lru-0.16.2/src/shard.rs:318"]);
  assert.equal(await page.textContent("#shown"), "1 of 8 points");
  await page.keyboard.type("nonsense");
  assert.deepEqual(await cells(page, "site"), []);
  await page.keyboard.press("Escape");
  assert.equal((await cells(page, "site")).length, 8);
  done("/ goes to the filter, Escape clears it");
}

async function details(page) {
  await page.focus(".turner[tabindex='0']");
  for (const key of ["Home", "ArrowDown", "ArrowUp", "Enter"]) await page.keyboard.press(key);
  await page.waitForSelector(".detail .uplot canvas");
  assert.equal(await page.locator(".detail .uplot").count(), 2);
  assert.match(await page.textContent(".detail"), /app::http::login .*http\.rs:120 ← app::http::handle/);
  assert.match(await page.textContent(".detail"), /169\u202f\d{3}\u202f\d{3}\u202f\d{3} ns, standard error/);
  await page.waitForTimeout(300);
  await shoot(page, "detail-light-1280");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".detail").count(), 0);
  assert.ok(await page.evaluate(() => document.activeElement.classList.contains("turner")));
  await page.click("#findings li:first-child button");
  assert.match(await page.textContent(".detail h3"), /sessions at src\/cache\.rs:41:9/);
  done("a point opens and closes by key, and from its finding");
}

async function flameGraph(page) {
  await page.focus("#flame");
  for (const key of ["ArrowDown", "ArrowDown"]) await page.keyboard.press(key);
  assert.match(await page.textContent("#flame-details"), /^src\/http\.rs:88: 169s, 9\d% of all waiting/);
  await page.keyboard.press("Enter");
  assert.ok(await page.isVisible("#flame-reset"));
  await page.keyboard.press("Escape");
  assert.ok(await page.isHidden("#flame-reset"));
  await page.waitForTimeout(400);
  await page.locator("#flame g.frame", { hasText: "cache shard" }).first().click();
  assert.ok(await page.isVisible("#flame-reset"));
  done("the flame graph zooms by key and by click");
}

async function flameByHolder(page) {
  await page.locator("#flame g.frame", { hasText: "cache shard" }).first().click();
  await page.click("#flame-holders");
  assert.equal(await page.getAttribute("#flame-holders", "aria-pressed"), "true");
  assert.ok(await page.isHidden("#flame-reset"));
  await page.focus("#flame");
  const frames = [];
  for (let i = 0; i < 3; i++) {
    await page.keyboard.press("ArrowDown");
    frames.push(await page.textContent("#flame-details"));
  }
  assert.deepEqual(frames, [
    "sessions: 139s, 99% of all waiting",
    "src/cache.rs:41: 139s, 99% of all waiting, 100% of sessions",
    "src/http.rs:88: 130s, 93% of all waiting, 94% of src/cache.rs:41",
  ]);
  await page.click("#flame-holders");
  assert.match(await page.textContent("#flame-details"), /^all waiting: /);
  done("the flame graph shows the waiting by holder");
}

async function theme(page) {
  await page.click("#theme");
  await page.click("#theme");
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
}
