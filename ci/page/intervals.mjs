// The live page's own intervals.
import assert from "node:assert/strict";
import { allowed, done, open } from "./browser.mjs";
import { endpoint, start, stop } from "./program.mjs";
import { valuesAreTheJsons } from "./values.mjs";

/** As many as the endpoint has places for. */
const MOST_SERIES = 8;

const isInterval = (answer) => answer.url().includes("/snapshot?interval=");
const isWhole = (answer) => answer.url().endsWith("/snapshot");
const seriesOf = (answer) => new URL(answer.url()).searchParams.get("interval");

export async function intervals() {
  const child = await start();
  allowed.add(`${endpoint}/`);
  const page = await openLive();
  await ownInterval(page);
  await ownName(page);
  await page.context().close();
  await refused();
  await stop(child);
}

async function openLive() {
  const page = await open(`${endpoint}/`);
  await page.selectOption("#every", "1000");
  await page.waitForSelector("tbody tr.point");
  return page;
}

/** Waits for the next answer to the page about an interval. */
async function nextInterval(page, isWanted = () => true) {
  const answer = await page.waitForResponse(async (answer) => isInterval(answer) && answer.ok() && isWanted(await answer.json()));
  return { series: seriesOf(answer), json: await answer.json() };
}

async function ownInterval(page) {
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).search));
  await page.waitForResponse(isWhole);
  assert.deepEqual(asked.filter((query) => query !== ""), [], "who shows no interval takes no place");

  let last = null;
  const keep = (answer) => {
    if (isInterval(answer)) last = answer.json();
  };
  page.on("response", keep);
  const next = nextInterval(page, (json) => json.base !== undefined);
  await page.selectOption("#figures", "interval");
  const { series, json } = await next;
  assert.match(series, /^page-[0-9a-f]{16}$/);
  assert.ok(json.pulled_unix_ns > 0);
  await page.click("#pause");
  // Counts, percentiles and maxima are those of the interval, once the page shows its last answer.
  await settles(async () => valuesAreTheJsons(page, await last));
  assert.match(await page.textContent("#about"), / · an interval of /);
  const whole = await page.evaluate(() => fetch("./snapshot").then((r) => r.json()));
  const acquisitions = ({ points }) => points.reduce((sum, point) => sum + point.acquisitions, 0);
  assert.ok(acquisitions(await last) < acquisitions(whole), "an interval is a part of all");
  // An answer that a reload interrupts has no text.
  page.off("response", keep);
  await page.click("#pause");
  done("the page shows intervals of its own");
}

/** Tries until an assertion holds, for ten seconds. */
async function settles(assertion) {
  for (let i = 0; i < 100; i++) {
    try {
      return await assertion();
    } catch {
      await new Promise((later) => setTimeout(later, 100));
    }
  }
  return assertion();
}

/** A reload goes on with the series, and a tab made of this one has another. */
async function ownName(page) {
  const { series } = await nextInterval(page);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0, "while the page is open, no copy of it finds its name");
  await page.reload();
  await page.selectOption("#every", "1000");
  const again = nextInterval(page);
  await page.selectOption("#figures", "interval");
  const after = await again;
  assert.equal(after.series, series);
  assert.ok(after.json.base !== undefined, "a reload does not begin again");
  const [copy] = await Promise.all([page.context().waitForEvent("page"), page.evaluate(() => { window.open("./"); })]);
  const other = nextInterval(copy);
  await copy.selectOption("#figures", "interval");
  assert.notEqual((await other).series, series);
  await copy.close();
  done("a reload goes on with the series, and a copy has another");
}

/** Who comes when all places are taken is told so, sees all since the start, and does not ask again too soon. */
async function refused() {
  for (let i = 0; i < MOST_SERIES; i++) await fetch(`${endpoint}/snapshot?interval=other-${i}`);
  const page = await openLive();
  page.expected = (text) => /503 \(Service Unavailable\)/.test(text);
  let asked = 0;
  page.on("request", (request) => { if (request.url().includes("interval=")) asked += 1; });
  await page.selectOption("#figures", "interval");
  await page.waitForSelector("#note:not([hidden])");
  assert.match(await page.textContent("#note"), /^This page has no interval of its own: 8 others pull intervals already; ask without one, or later\. Below is everything since the start or the last reset; the page asks again at \d\d:\d\d:\d\d\.$/);
  assert.match(await page.textContent("#about"), / elapsed/);
  // It goes on.
  for (let i = 0; i < 3; i++) await page.waitForResponse(isWhole);
  assert.equal(asked, 1, "it does not ask again before the time that it was told");
  await page.selectOption("#figures", "all");
  await page.waitForSelector("#note", { state: "hidden" });
  await page.context().close();
  done("a ninth page is told that it has no interval, and goes on without");
}
