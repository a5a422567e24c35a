// The live page: it follows the program, changes its settings, and survives its end.
import assert from "node:assert/strict";
import { allowed, done, open, shoot } from "./browser.mjs";
import { endpoint, start, stop } from "./program.mjs";

/** Acquisitions of all points that are shown. */
const all = (page) => page.$$eval("#table tbody td.acquisitions", (tds) => tds.reduce((sum, td) => sum + Number(td.title.replaceAll("\u202f", "")), 0));

/** Waits until there are more than `than`. */
async function grows(page, than) {
  for (let i = 0; i < 100; i++) {
    const now = await all(page);
    if (now > than) return now;
    await page.waitForTimeout(100);
  }
  throw new Error(`no more than ${than} acquisitions`);
}

export async function livePage() {
  const child = await start();
  allowed.add(`${endpoint}/`);
  const page = await open(`${endpoint}/`);
  // The browser reports an error for a target that is gone, as it must.
  page.expected = (text) => /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|400 \(Bad Request\)/.test(text);
  await page.selectOption("#every", "1000");
  for (const part of [follows, pauses, resets, configures]) await part(page);
  await shoot(page, "live-light");
  await survives(page, child);
  await page.context().close();
}

async function follows(page) {
  await page.waitForSelector("tbody tr.point");
  assert.equal(await page.textContent("h1"), "scraped");
  assert.ok(await page.isVisible("#over-time"));
  const first = await all(page);
  const second = await grows(page, first);
  done(`live: ${first} acquisitions, then ${second}`);
  await page.waitForSelector("#time .uplot canvas");
  assert.match(await page.textContent("#time .legend"), /all locks \d.*queue/);
  done("contention over time is drawn");

  await page.click(".turner");
  await page.waitForSelector(".detail .uplot");
  await grows(page, await all(page));
  assert.equal(await page.locator(".detail").count(), 1);
  done("an open point stays open");
}

async function pauses(page) {
  await page.click("#pause");
  assert.equal(await page.textContent("#status"), "paused");
  await page.waitForTimeout(300);
  const paused = await all(page);
  await page.waitForTimeout(2500);
  assert.equal(await all(page), paused);
  await page.click("#pause");
  await grows(page, paused);
  done("pauses, and goes on");
}

async function resets(page) {
  const before = await all(page);
  await page.click("#reset");
  assert.equal(await page.textContent("#reset"), "Really reset?");
  await page.click("#reset");
  await page.waitForFunction((n) => [...document.querySelectorAll("#table td.acquisitions")].reduce((sum, td) => sum + Number(td.title.replaceAll("\u202f", "")), 0) < n, before);
  done("resets");
}

async function configures(page) {
  const settings = () => page.evaluate(() => fetch("./config").then((r) => r.json()));
  assert.deepEqual(await settings(), { mode: "exact" });
  await page.selectOption("#mode", "sampled");
  await page.waitForFunction(() => /mode sampled/.test(document.getElementById("about").textContent));
  await page.fill("#budget", "2%");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /budget 2%/.test(document.getElementById("about").textContent));
  assert.deepEqual(await settings(), { mode: "sampled", budget: 0.02 });
  await page.fill("#budget", "lots");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#alert:not([hidden])");
  assert.match(await page.textContent("#alert"), /Could not change the mode: 400: budget="lots" is not a share of time/);
  done("changes the mode, and says what is wrong with a budget");
  await page.focus("#pause");
  await page.waitForTimeout(2500);
}

async function survives(page, child) {
  await stop(child);
  await page.waitForSelector("#status[data-state='gone']");
  assert.match(await page.textContent("#alert"), /The program stopped answering at \d\d:\d\d:\d\d \(no connection\)/);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(500);
  await shoot(page, "gone-dark");
  const last = await all(page);
  const next = await start();
  await page.waitForSelector("#status[data-state='live']");
  assert.match(await page.textContent("#alert"), /Another process answers now: pid \d+/);
  assert.match(await page.textContent("#about"), new RegExp(`^pid ${next.pid} `));
  done(`the target's death is shown, and its return (${last} acquisitions before)`);
  await page.waitForTimeout(4000);
  await shoot(page, "live-dark");
  await stop(next);
}
