// The demo in windows of several widths, light and dark.
import assert from "node:assert/strict";
import { done, file, open, shoot } from "./browser.mjs";
import { PANES } from "./panes.mjs";
import { faint, fits, overprinted } from "./looks.mjs";

const SIZES = [[1280, "dark"], [800, "light"], [800, "dark"], [400, "light"], [400, "dark"]];

export async function allSizes() {
  for (const [width, colorScheme] of SIZES) {
    const page = await open(file("demo"), { viewport: { width, height: 900 }, colorScheme, reducedMotion: "reduce" });
    await page.focus(".turner[tabindex='0']");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".detail .uplot canvas");
    await page.waitForTimeout(200);
    for (const table of ["#table", ...PANES.map((pane) => `#${pane} .grid`)]) {
      const wide = await page.$eval(table, (div) => [div.scrollWidth, div.clientWidth]);
      assert.ok(wide[0] <= wide[1], `${table} is ${wide} wide at ${width}`);
    }
    await fits(page, width);
    assert.deepEqual(await overprinted(page), [], `texts on top of each other at ${width}`);
    assert.deepEqual(await faint(page), [], `texts that are hard to read at ${width}, ${colorScheme}`);
    await shoot(page, `demo-${colorScheme}-${width}`);
    const tops = await page.$$eval(".detail figure", (all) => all.map((figure) => figure.getBoundingClientRect().top));
    assert.equal(tops[0] < tops[1], width === 400, `one histogram a row at ${width}`);
    // Chromium's tree of roles: to a screen reader it is a table at any width.
    const table = page.getByRole("table", { name: "Acquisition points" });
    assert.equal(await table.getByRole("row").count(), 10);
    assert.ok((await table.getByRole("columnheader").count()) >= 6);
    if (width === 400) await stacked(page, width);
    await page.context().close();
  }
  done("light and dark, 1280, 800 and 400 wide");
}

/** Each point is a block. */
async function stacked(page, width) {
  const [lock, site, acquisitions] = await page.$eval("tr.point", (tr) => ["lock", "site", "acquisitions"].map((c) => tr.querySelector(`td.${c}`).getBoundingClientRect().top));
  assert.ok(lock < site && site < acquisitions, `lock, site and numbers stand below each other: ${[lock, site, acquisitions]}`);
  await page.check("#all-columns");
  await fits(page, width);
  assert.deepEqual(await overprinted(page), [], "texts on top of each other with all columns");
}
