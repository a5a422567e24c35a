// Chromium, in which the tests open pages. `node page.mjs PAGES SHOTS PROGRAM PORT`: PAGES has
// `NAME.html` and `NAME.json`, and screenshots go to SHOTS.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [pages, shots] = process.argv.slice(2);
const js = new URL("../../crates/nexus-lockprof-export/src/html/assets/js/", pathToFileURL(`${resolve(process.env.PAGE_SOURCE)}/`));
// The format of numbers has its own tests. Here we compute their values a second time.
export const format = new Function(`${readFileSync(new URL("format.js", js), "utf8")}; return { duration, count, digits, percent, printable };`)();

const args = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(" ");
export const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
/** Origins of which a page may ask. */
export const allowed = new Set();
/** What no page may do, and what its console said. */
export const complaints = [];

/** Opens an address in a window of its own. A page that expects errors says which: `page.expected(text)`. */
export async function open(url, more = {}) {
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

export const json = (name) => JSON.parse(readFileSync(join(pages, `${name}.json`), "utf8"));
export const file = (name) => pathToFileURL(resolve(pages, `${name}.html`)).href;
export const shoot = (page, name, fullPage = true) => page.screenshot({ path: join(shots, `${name}.png`), fullPage });
export const cells = (page, column) => page.$$eval(`#table tbody tr.point > td.${column}`, (tds) => tds.map((td) => td.textContent.replace(/^[▸▾]/, "")));
export const done = (what) => console.log(`ok: ${what}`);
