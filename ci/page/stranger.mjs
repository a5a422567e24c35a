// A page of another origin.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { browser, done } from "./browser.mjs";
import { endpoint, start, stop } from "./program.mjs";

/** However it asks, it gets nothing and uses up no connection. It may link to the live page. */
export async function strangersPage() {
  const child = await start();
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
