// Pages that are out of the ordinary: hostile names, nothing at all, very many points.
import assert from "node:assert/strict";
import { cells, done, file, format, json, open, shoot } from "./browser.mjs";
import { valuesAreTheJsons } from "./values.mjs";

const { printable } = format;

export async function strangePages() {
  for (const part of [hostileNames, emptyAndGolden, manyPoints]) await part();
}

async function hostileNames() {
  const page = await open(file("hostile"));
  const names = json("hostile").points.map((p) => printable(p.lock.named) || '""');
  assert.deepEqual((await cells(page, "lock")).sort(), names.sort());
  for (let i = 0; i < names.length; i++) {
    await page.locator(".turner").nth(i).click();
    await page.waitForSelector(".detail");
  }
  await page.hover("#flame g.frame >> nth=3");
  assert.equal(await page.locator("img, script[src], iframe, b").count(), 0);
  assert.deepEqual(await page.$$eval("body *", (all) => all.filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length), 0);
  await shoot(page, "hostile");
  done(`${names.length} hostile names are text`);

  // The browser itself refuses markup from text, and the network.
  page.expected = () => true;
  const refused = await page.evaluate(async () => {
    const markup = (() => { try { document.body.innerHTML = "<b>x</b>"; return "let through"; } catch (error) { return error.name; } })();
    const net = await fetch("http://127.0.0.1:9/").then(() => "let through", (error) => error.name);
    return [markup, net];
  });
  assert.deepEqual(refused, ["TypeError", "TypeError"]);
  await page.context().close();
  done("markup from text and requests are refused by the page's policy");
}

async function emptyAndGolden() {
  const empty = await open(file("empty"));
  assert.match(await empty.textContent("#findings"), /Nothing recorded yet/);
  assert.match(await empty.textContent("#table"), /No points\./);
  assert.ok(await empty.isHidden("#waiting"), "nobody waits, nothing is said");
  await empty.context().close();
  const rich = await open(file("rich"));
  done(`${await valuesAreTheJsons(rich, json("rich"))} rows of the golden file are the JSON's`);
  await rich.context().close();
}

async function manyPoints() {
  let begin = performance.now();
  const took = () => `${Math.round(performance.now() - begin)} ms`;
  const many = await open(file("many"));
  await many.waitForSelector("tbody tr.point");
  console.log(`10,000 points: open after ${took()}`);
  assert.equal(await many.locator("tbody tr.point").count(), 200);
  assert.equal(await many.locator("#waiters > li").count(), 13);
  assert.match(await many.textContent("#waiting"), /1\.00k threads.*and 2 more.*and waiting for 88 more locks/s);
  assert.match(await many.textContent("#table .more"), /Showing the first 200 of 10\u202f000 points/);
  begin = performance.now();
  await many.click("#table th.hold_total button");
  console.log(`10,000 points: sorted after ${took()}`);
  begin = performance.now();
  await many.fill("#filter", "module_13/ file_7.rs shared");
  console.log(`10,000 points: filtered after ${took()}, ${await many.textContent("#shown")}`);
  await many.fill("#filter", "");
  await many.click("#table .more button");
  assert.equal(await many.locator("tbody tr.point").count(), 1200);
  await shoot(many, "many", false);
  await many.context().close();
  done("10,000 points stay usable");
}
