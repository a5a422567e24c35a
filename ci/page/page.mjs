// Drives the page in Chromium: `node page.mjs PAGES SHOTS PROGRAM PORT`. PAGES has `NAME.html` and
// `NAME.json`; PROGRAM serves on PORT.
import assert from "node:assert/strict";
import { browser, complaints, done } from "./browser.mjs";
import { demoPage } from "./demo.mjs";
import { intervals } from "./intervals.mjs";
import { livePage } from "./live.mjs";
import { allPanes } from "./panes.mjs";
import { stopAll } from "./program.mjs";
import { allSizes } from "./sizes.mjs";
import { strangePages } from "./strange.mjs";
import { strangersPage } from "./stranger.mjs";

try {
  for (const part of [demoPage, allPanes, allSizes, strangePages, livePage, intervals, strangersPage]) await part();
  assert.deepEqual(complaints, []);
  done("nothing was asked for elsewhere, and the console is silent");
} finally {
  if (complaints.length > 0) console.log(complaints.join("\n"));
  stopAll();
  await browser.close();
}
