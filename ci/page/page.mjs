// Drives the page in Chromium: `node page.mjs PAGES SHOTS PROGRAM PORT`. PAGES has `NAME.html` and
// `NAME.json`; PROGRAM serves on PORT.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [pages, shots, program, port] = process.argv.slice(2);
const js = new URL("../../crates/nexus-lockprof-export/src/html/assets/js/", pathToFileURL(`${resolve(process.env.PAGE_SOURCE)}/`));
// The format of numbers has its own tests. Here we compute their values a second time.
const { duration, count, digits, percent, printable } = new Function(`${readFileSync(new URL("format.js", js), "utf8")}; return { duration, count, digits, percent, printable };`)();
const json = (name) => JSON.parse(readFileSync(join(pages, `${name}.json`), "utf8"));

const args = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(" ");
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
const allowed = new Set();
const complaints = [];

async function open(url, more = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light", ...more });
  await context.route("**/*", (route) => {
    const asked = route.request().url();
    const ours = asked === url || asked.startsWith("data:") || [...allowed].some((origin) => asked.startsWith(origin));
    if (!ours) complaints.push(`${url} asked for ${asked}`);
    return ours ? route.fallback() : route.abort();
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !page.expected?.(message.text())) complaints.push(`${url}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${url}: ${error.stack}`));
  page.on("dialog", (dialog) => {
    complaints.push(`${url}: a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(url);
  return page;
}

const file = (name) => pathToFileURL(resolve(pages, `${name}.html`)).href;
const cells = (page, column) => page.$$eval(`tbody tr.point > td.${column}`, (tds) => tds.map((td) => td.textContent.replace(/^[▸▾]/, "")));
const done = (what) => console.log(`ok: ${what}`);

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

async function valuesAreTheJsons(page, snapshot) {
  // In the file's order: by total wait, longest first.
  const rows = await page.$$eval("tbody tr.point", (trs) => trs.map((tr) => Object.fromEntries([...tr.cells].map((td) => [td.classList[0], [td.textContent, td.title]]))));
  assert.equal(rows.length, Math.min(200, snapshot.points.length));
  const unknown = new Map(snapshot.points.map((p) => [`${digits(p.acquisitions)} ${p.site.line}`, p]));
  for (const row of rows) {
    const line = /:(\d+)(:\d+)?$/.exec(row.site[0])[1];
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

/** The page itself does not scroll sideways. */
async function fits(page, width) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= width, `the page is ${wide} wide at ${width}`);
}

/** Pairs of cells, names and paragraphs whose texts overlap. */
function overprinted(page) {
  return page.evaluate(() => {
    const texts = [...document.querySelectorAll("#waiters p, #waiters span, tr.point > td, .detail h3, .detail figcaption, .detail dl > div, .detail li > span, #findings p, #findings .figure, th button")];
    const boxes = texts.filter((e) => e.checkVisibility() && e.textContent !== "").map((e) => {
      const range = document.createRange();
      range.selectNodeContents(e);
      return [e.textContent.slice(0, 30), range.getBoundingClientRect()];
    });
    const found = [];
    boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
      const [wide, high] = [Math.min(p.right, q.right) - Math.max(p.left, q.left), Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top)];
      if (wide > 2 && high > 4) found.push(`${a} | ${b}`);
    }));
    return found;
  });
}

/** Texts with a contrast to their background below WCAG's 4.5. */
function faint(page) {
  return page.evaluate(() => {
    const rgb = (text) => text.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => {
      const c = [r, g, b][i] / 255;
      return sum + part * (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    }, 0);
    const behind = (e) => {
      for (let at = e; at; at = at.parentElement) {
        const [r, g, b, alpha = 1] = rgb(getComputedStyle(at).backgroundColor);
        if (alpha > 0) return [r, g, b];
      }
      return [255, 255, 255];
    };
    const found = new Set();
    for (const e of document.querySelectorAll("body *")) {
      if (!e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim())) continue;
      if (e.closest("svg, canvas, noscript, .d3-flame-graph-label, .skip")) continue;
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
      if ((a + 0.05) / (b + 0.05) < 4.5) found.add(`${e.textContent.slice(0, 30)}: ${((a + 0.05) / (b + 0.05)).toFixed(1)}`);
    }
    return [...found];
  });
}

async function staticPage() {
  const page = await open(file("demo"));
  const snapshot = json("demo");
  assert.equal(await page.textContent("h1"), "app");
  assert.equal(await page.title(), "app: lockprof");
  assert.ok(await page.isHidden("#over-time"), "a file has no history to draw");
  assert.equal(await page.locator("#findings button", { hasText: /^look$/ }).count(), 0);
  done(`${await valuesAreTheJsons(page, snapshot)} rows of the demo are the JSON's`);
  await page.screenshot({ path: join(shots, "demo-light-1280.png"), fullPage: true });

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

  const order = (column) => page.$eval(`th.${column}`, (th) => th.getAttribute("aria-sort"));
  const acquired = () => page.$$eval("tbody td.acquisitions", (tds) => tds.map((td) => Number(td.title.replaceAll("\u202f", ""))));
  assert.equal(await order("wait_total"), "descending");
  await page.click("th.acquisitions button");
  const down = await acquired();
  assert.deepEqual(down, [...down].sort((a, b) => b - a));
  assert.deepEqual([await order("acquisitions"), await order("wait_total")], ["descending", "none"]);
  await page.focus("th.acquisitions button");
  await page.keyboard.press("Enter");
  assert.deepEqual(await acquired(), [...down].reverse());
  assert.equal(await order("acquisitions"), "ascending");
  // Each column, including those without room, by keyboard.
  await page.check("#all-columns");
  for (const column of await page.$$eval("th", (ths) => ths.map((th) => th.classList[0]))) {
    await page.focus(`th.${column} button`);
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

  await page.click("th.wait_total button");
  await page.focus(".turner[tabindex='0']");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".detail .uplot canvas");
  assert.equal(await page.locator(".detail .uplot").count(), 2);
  assert.match(await page.textContent(".detail"), /app::http::login .*http\.rs:120 ← app::http::handle/);
  assert.match(await page.textContent(".detail"), /169\u202f\d{3}\u202f\d{3}\u202f\d{3} ns, standard error/);
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(shots, "detail-light-1280.png"), fullPage: true });
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".detail").count(), 0);
  assert.ok(await page.evaluate(() => document.activeElement.classList.contains("turner")));
  await page.click("#findings li:first-child button");
  assert.match(await page.textContent(".detail h3"), /sessions at src\/cache\.rs:41:9/);
  done("a point opens and closes by key, and from its finding");

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
    "sessions: 139s, 100% of all waiting",
    "src/cache.rs:41: 139s, 100% of all waiting, 100% of sessions",
    "src/http.rs:88: 130s, 94% of all waiting, 94% of src/cache.rs:41",
  ]);
  await page.click("#flame-holders");
  assert.match(await page.textContent("#flame-details"), /^all waiting: /);
  done("the flame graph shows the waiting by holder");

  await page.click("#theme");
  await page.click("#theme");
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
  await page.context().close();

  const sizes = [[1280, "dark"], [800, "light"], [800, "dark"], [400, "light"], [400, "dark"]];
  for (const [width, colorScheme] of sizes) {
    const other = await open(file("demo"), { viewport: { width, height: 900 }, colorScheme, reducedMotion: "reduce" });
    await other.focus(".turner[tabindex='0']");
    await other.keyboard.press("Enter");
    await other.waitForSelector(".detail .uplot canvas");
    await other.waitForTimeout(200);
    const wide = await other.$eval("#table", (div) => [div.scrollWidth, div.clientWidth]);
    assert.ok(wide[0] <= wide[1], `the table is ${wide} wide at ${width}`);
    await fits(other, width);
    assert.deepEqual(await overprinted(other), [], `texts on top of each other at ${width}`);
    assert.deepEqual(await faint(other), [], `texts that are hard to read at ${width}, ${colorScheme}`);
    await other.screenshot({ path: join(shots, `demo-${colorScheme}-${width}.png`), fullPage: true });
    const tops = await other.$$eval(".detail figure", (all) => all.map((figure) => figure.getBoundingClientRect().top));
    assert.equal(tops[0] < tops[1], width === 400, `one histogram a row at ${width}`);
    // Chromium's tree of roles: to a screen reader it is a table at any width.
    assert.equal(await other.getByRole("table", { name: "Acquisition points" }).getByRole("row").count(), 10);
    assert.ok((await other.getByRole("columnheader").count()) >= 6);
    if (width === 400) {
      const [lock, site, acquisitions] = await other.$eval("tr.point", (tr) => ["lock", "site", "acquisitions"].map((c) => tr.querySelector(`td.${c}`).getBoundingClientRect().top));
      assert.ok(lock < site && site < acquisitions, `lock, site and numbers stand below each other: ${[lock, site, acquisitions]}`);
      await other.check("#all-columns");
      await fits(other, width);
      assert.deepEqual(await overprinted(other), [], "texts on top of each other with all columns");
    }
    await other.context().close();
  }
  done("light and dark, 1280, 800 and 400 wide");
}

async function strangePages() {
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
  await page.screenshot({ path: join(shots, "hostile.png"), fullPage: true });
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

  const empty = await open(file("empty"));
  assert.match(await empty.textContent("#findings"), /Nothing recorded yet/);
  assert.match(await empty.textContent("#table"), /No points\./);
  assert.ok(await empty.isHidden("#waiting"), "nobody waits, nothing is said");
  await empty.context().close();
  const rich = await open(file("rich"));
  done(`${await valuesAreTheJsons(rich, json("rich"))} rows of the golden file are the JSON's`);
  await rich.context().close();

  let begin = performance.now();
  const took = () => `${Math.round(performance.now() - begin)} ms`;
  const many = await open(file("many"));
  await many.waitForSelector("tbody tr.point");
  console.log(`10,000 points: open after ${took()}`);
  assert.equal(await many.locator("tbody tr.point").count(), 200);
  assert.equal(await many.locator("#waiters > li").count(), 13);
  assert.match(await many.textContent("#waiting"), /1\.00k threads.*and 2 more.*and waiting for 88 more locks/s);
  assert.match(await many.textContent(".more"), /Showing the first 200 of 10\u202f000 points/);
  begin = performance.now();
  await many.click("th.hold_total button");
  console.log(`10,000 points: sorted after ${took()}`);
  begin = performance.now();
  await many.fill("#filter", "module_13/ file_7.rs shared");
  console.log(`10,000 points: filtered after ${took()}, ${await many.textContent("#shown")}`);
  await many.fill("#filter", "");
  await many.click(".more button");
  assert.equal(await many.locator("tbody tr.point").count(), 1200);
  await many.screenshot({ path: join(shots, "many.png") });
  await many.context().close();
  done("10,000 points stay usable");
}

const children = new Set();
/** Resolves when the program serves. */
async function start() {
  const child = spawn(program, ["120"], { env: { ...process.env, LOCKPROF_SERVE: `127.0.0.1:${port}`, LOCKPROF: "exact" }, stdio: ["pipe", "ignore", "inherit"] });
  children.add(child);
  for (let i = 0; i < 100; i++) {
    if (child.exitCode !== null) break;
    if (await fetch(`http://127.0.0.1:${port}/config`).then((r) => r.ok, () => false)) return child;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error(`the program does not serve, its exit code is ${child.exitCode}`);
}
function stop(child) {
  children.delete(child);
  return new Promise((ended) => {
    child.on("exit", ended);
    child.kill("SIGKILL");
  });
}

async function livePage() {
  let child = await start();
  const origin = `http://127.0.0.1:${port}`;
  allowed.add(`${origin}/`);
  const page = await open(`${origin}/`);
  // The browser reports an error for a target that is gone, as it must.
  page.expected = (text) => /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|400 \(Bad Request\)/.test(text);
  await page.selectOption("#every", "1000");
  await page.waitForSelector("tbody tr.point");
  assert.equal(await page.textContent("h1"), "scraped");
  assert.ok(await page.isVisible("#over-time"));
  const all = () => page.$$eval("tbody td.acquisitions", (tds) => tds.reduce((sum, td) => sum + Number(td.title.replaceAll("\u202f", "")), 0));
  const grows = async (than) => {
    for (let i = 0; i < 100; i++) {
      const now = await all();
      if (now > than) return now;
      await page.waitForTimeout(100);
    }
    throw new Error(`no more than ${than} acquisitions`);
  };
  const first = await all();
  const second = await grows(first);
  done(`live: ${first} acquisitions, then ${second}`);
  await page.waitForSelector("#time .uplot canvas");
  assert.match(await page.textContent("#time .legend"), /all locks \d.*queue/);
  done("contention over time is drawn");

  await page.click(".turner");
  await page.waitForSelector(".detail .uplot");
  await grows(await all());
  assert.equal(await page.locator(".detail").count(), 1);
  done("an open point stays open");

  await page.click("#pause");
  assert.equal(await page.textContent("#status"), "paused");
  await page.waitForTimeout(300);
  const paused = await all();
  await page.waitForTimeout(2500);
  assert.equal(await all(), paused);
  await page.click("#pause");
  await grows(paused);
  done("pauses, and goes on");

  const before = await all();
  await page.click("#reset");
  assert.equal(await page.textContent("#reset"), "Really reset?");
  await page.click("#reset");
  await page.waitForFunction((n) => [...document.querySelectorAll("td.acquisitions")].reduce((sum, td) => sum + Number(td.title.replaceAll("\u202f", "")), 0) < n, before);
  done("resets");

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
  await page.screenshot({ path: join(shots, "live-light.png"), fullPage: true });

  await stop(child);
  await page.waitForSelector("#status[data-state='gone']");
  assert.match(await page.textContent("#alert"), /The program stopped answering at \d\d:\d\d:\d\d \(no connection\)/);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(shots, "gone-dark.png"), fullPage: true });
  const last = await all();
  child = await start();
  await page.waitForSelector("#status[data-state='live']");
  assert.match(await page.textContent("#alert"), /Another process answers now: pid \d+/);
  assert.match(await page.textContent("#about"), new RegExp(`^pid ${child.pid} `));
  done(`the target's death is shown, and its return (${last} acquisitions before)`);
  await page.waitForTimeout(4000);
  await page.screenshot({ path: join(shots, "live-dark.png"), fullPage: true });
  await page.context().close();
  await stop(child);
}

/** A page of another origin. However it asks, it gets nothing and uses up no connection. It may link to the live page. */
async function strangersPage() {
  const child = await start();
  const endpoint = `http://127.0.0.1:${port}`;
  const slow = `${endpoint}/snapshot?seconds=300`;
  const html = `<!doctype html><title>other</title><link rel="icon" href="data:,"><a id="link" href="${endpoint}/">live</a><a id="deep" href="${slow}">snapshot</a>
    <img src="${slow}&1"><script src="${slow}&2"></script><link rel="stylesheet" href="${slow}&3"><iframe src="${slow}&4"></iframe><iframe src="${endpoint}/?5"></iframe>
    <form method="post" action="${endpoint}/reset?6" target="into"></form><iframe name="into"></iframe>
    <script>
      for (let i = 0; i < 20; i++) fetch("${slow}&7", { mode: "no-cors" }).catch(() => {});
      for (let i = 0; i < 20; i++) fetch("${slow}&8").catch(() => {});
      for (let i = 0; i < 20; i++) new WebSocket("${slow.replace("http", "ws")}&9");
      document.forms[0].submit();
    </script>`;
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(html)).listen(0, "127.0.0.1");
  await new Promise((listens) => server.once("listening", listens));
  const other = `http://127.0.0.1:${server.address().port}/`;
  const context = await browser.newContext();
  const page = await context.newPage();
  // Records the answers before the browser decides whether the page may see them.
  const [asked, answered, statuses] = [new Map(), new Map(), new Map()];
  // The two events come from different browser processes, in either order.
  const note = (map, id, value) => {
    map.set(id, value);
    const url = asked.get(id) ?? "";
    if (url.startsWith(`${endpoint}/`) && answered.has(id)) statuses.set(url.slice(-1), answered.get(id));
  };
  const network = await context.newCDPSession(page);
  network.on("Network.requestWillBeSent", ({ requestId, request }) => note(asked, requestId, request.url));
  network.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => note(answered, requestId, statusCode));
  await network.send("Network.enable");
  await page.goto(other);
  for (let i = 0; i < 300 && statuses.size < 8; i++) await page.waitForTimeout(100);
  assert.deepEqual([...statuses].sort(), [..."12345678"].map((way) => [way, 403]));
  assert.deepEqual(await fetch(`${endpoint}/config`).then((r) => r.json()), { mode: "exact" });
  assert.equal((await fetch(`${endpoint}/snapshot`).then((r) => r.json())).resets ?? 0, 0);
  const followed = async (link) => {
    const [response] = await Promise.all([page.waitForResponse((response) => response.url().startsWith(endpoint) && response.frame() === page.mainFrame()), page.click(link)]);
    return response.status();
  };
  assert.equal(await followed("#deep"), 403);
  await page.goto(other);
  assert.equal(await followed("#link"), 200);
  await page.waitForSelector("tbody tr.point");
  done("a page of another origin gets nothing, and may link to the live page");
  await context.close();
  server.closeAllConnections();
  server.close();
  await stop(child);
}

try {
  await staticPage();
  await strangePages();
  await livePage();
  await strangersPage();
  assert.deepEqual(complaints, []);
  done("nothing was asked for elsewhere, and the console is silent");
} finally {
  if (complaints.length > 0) console.log(complaints.join("\n"));
  for (const child of children) child.kill("SIGKILL");
  await browser.close();
}
