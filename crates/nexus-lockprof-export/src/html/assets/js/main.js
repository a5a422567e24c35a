// Puts the parts together.

function main() {
  const embedded = $("snapshot");
  const detail = new Detail();
  const table = new Table($("table"), detail);
  const panes = new Panes();
  const flame = new Flame($("flame"), $("flame-details"), $("flame-reset"), $("flame-holders"));
  let time = null;
  keys();
  theme(() => {
    detail.draw();
    flame.draw();
    time?.plot.again();
  });

  /** Shows all that there is, or the figures of `interval` and what is not of an interval from `whole`: who waits now, the history, lock order. */
  const show = (whole, interval = whole) => {
    const { waiters, deadlocks } = whole;
    const snapshot = { ...interval, waiters, deadlocks };
    const past = pastWaits(whole);
    const instances = instanceRows(snapshot);
    addToPoints(snapshot.points, past, instances);
    setText($("about"), aboutText(snapshot));
    const name = programName(snapshot);
    setText($("program"), name ?? "lockprof");
    document.title = name ? `${name}: lockprof` : "lockprof";
    showWaiters(waiters, !embedded);
    showFindings(findings(snapshot), table);
    table.update(snapshot.points);
    panes.update(whole, snapshot, past, instances);
    flame.update(snapshot.points);
  };

  if (embedded) {
    try {
      show(readSnapshot(JSON.parse(embedded.textContent)));
    } catch (error) {
      $("alert").hidden = false;
      setText($("alert"), `The snapshot in this page cannot be read: ${error.message}`);
    }
    return;
  }
  // A file is one moment: it has no history to draw.
  $("over-time").hidden = false;
  const history = new History(HISTORY_MS);
  time = new TimePlot($("time"), history);
  new Live(
    (json, interval) => {
      const snapshot = readSnapshot(json);
      show(snapshot, interval ? readSnapshot(interval) : snapshot);
      history.add(snapshot, Date.now());
      time.update();
    },
    () => {
      history.gap(Date.now());
      time.update();
    },
  );
}

/** Gives each point its `past` waits, if there are any, and the `instances` of its lock, for its details. */
function addToPoints(points, past, instances) {
  const pastOf = new Map((past?.rows ?? []).map((row) => [row.key, row]));
  const instancesOf = new Map(instances.map((row) => [row.lockKey, []]));
  for (const row of instances) instancesOf.get(row.lockKey).push(row);
  for (const point of points) Object.assign(point, { past: pastOf.get(point.key), instances: instancesOf.get(point.lockKey) ?? [] });
}

/** What the page is about: the program, or what is known of it. */
function programName({ program, merged, pid }) {
  if (program) return elide(program, 60);
  if (merged > 1) return null;
  return pid ? `process ${pid}` : null;
}

function aboutText(snapshot) {
  const { profilerMode, overhead, points, threadsPeak } = snapshot;
  const budget = profilerMode.budget === undefined ? "" : ` (budget ${Number((100 * profilerMode.budget).toPrecision(6))}%)`;
  const acquisitions = points.reduce((sum, p) => sum + p.acquisitions, 0);
  const cost = overhead.threads_ns > 0 ? [`profiling took ${percent(overhead.budgeted_ns, overhead.threads_ns)} of the threads' time`] : [];
  return [
    snapshot.merged > 1 ? `${count(snapshot.merged)} snapshots merged` : `pid ${snapshot.pid}`,
    snapshot.taken.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" }), period(snapshot), `mode ${profilerMode.kind}${budget}`,
    plural(points.length, "point"), plural(acquisitions, "acquisition"), `${plural(threadsPeak, "thread")} (peak)`, ...cost,
  ].join(" · ");
}

function showFindings(found, table) {
  const items = found.map(({ kind, figure, unit, parts, point }) => {
    const label = point && `Show ${point.lockName} at ${point.siteName} in the table`;
    const look = point && el("button", { type: "button", "aria-label": label, title: label, onclick: () => table.show(point.key) }, "Show in table");
    return el("li", { class: kind }, el("div", { class: "figure" }, figure ?? "", unit ? el("small", {}, unit) : null), el("p", {}, ...words(parts), look));
  });
  // The same words stay, with their focus.
  const list = $("findings");
  const now = el("ol", {}, ...items);
  if (list.textContent === now.textContent) return;
  const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...items);
  if (focused >= 0) list.querySelectorAll("button")[focused]?.focus();
}

/** `/` goes to the filter, Escape clears it. */
function keys() {
  const filter = $("filter");
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      filter.focus();
      filter.select();
    } else if (event.key === "Escape" && event.target === filter) {
      event.preventDefault();
      clearFilter();
    }
  });
}

main();
