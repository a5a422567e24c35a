// The panes beside the table: lock order, history, threads and others. One without data is not there.

/** The columns whose cells have elements of their own. */
const DRAWN = { bars: { draw: drawBars, title: () => "" }, causes: { draw: drawCauses } };

class Panes {
  constructor() {
    const grid = (id, { columns, ...about }) => new Grid($(id).querySelector(".grid"), {
      label: $(`${id}-head`).textContent, columns: columns.map((column) => ({ ...column, ...DRAWN[column.id] })), ...about,
    });
    this.history = grid("history", { noun: "point", columns: PAST_COLUMNS, by: "waited", words: pointWords });
    this.threads = grid("threads", { noun: "thread", columns: THREAD_COLUMNS, by: "waited", words: (row) => row.name });
    this.instances = grid("instances", { noun: "lock", columns: INSTANCE_COLUMNS, by: "waited", words: instanceWords });
    this.rwlocks = grid("rwlocks", { noun: "lock", columns: RWLOCK_COLUMNS, by: "waited", words: rwlockPaneWords });
    this.pairs = grid("pairs", { noun: "pair", columns: PAIR_COLUMNS, by: "danger", words: pairWords });
  }

  /** Lock order and history are `whole`'s. The others are `snapshot`'s, which may cover an interval. */
  update(whole, snapshot, past, instances) {
    showOrder(whole);
    this.updateHistory(past);
    const threads = threadRows(snapshot);
    if (showPane("threads", threads)) {
      this.threads.update(threads);
      sayAbove("threads", starvedWords(threads) ?? "");
    }
    if (showPane("instances", instances)) {
      this.instances.update(instances);
      sayAbove("instances", ["Long waits only, by lock. Bounds are what is known of a lock's time.", unlistedWords(snapshot.unlistedMost)].join(" "));
    }
    const rwlocks = rwlockRows(snapshot);
    if (showPane("rwlocks", rwlocks)) this.rwlocks.update(rwlocks);
    const pairs = lockPairs(whole);
    if (showPane("pairs", pairs)) this.pairs.update(pairs);
  }

  updateHistory(past) {
    if (!showPane("history", past?.rows ?? [])) return;
    const { intervals, all } = past;
    const length = intervals.reduce((sum, interval) => sum + interval.length, 0);
    sayAbove("history", `The last ${plural(intervals.length, "interval")} of the program, ${duration(length)}. A wait counts when it ends.`);
    $("history-all").replaceChildren(sparkline(all, intervals, `all locks: waited ${duration(all.reduce((sum, ns) => sum + ns, 0))}`),
      el("div", { class: "ends" }, el("span", {}, `${dayTime(intervals[0].began)} UTC`), el("span", {}, "all locks"), el("span", {}, `${dayTime(intervals.at(-1).ended)} UTC`)));
    this.history.update(past.rows);
  }
}

/** Shows a pane if it has rows. */
function showPane(id, rows) {
  $(id).hidden = rows.length === 0;
  return rows.length > 0;
}

/** The sentence above a pane's table. */
function sayAbove(id, text) {
  const place = $(id).querySelector(".said");
  place.hidden = text === "";
  setText(place, text);
}

function showOrder(snapshot) {
  const potential = potentialDeadlocks(snapshot);
  if (!showPane("order", potential)) return;
  const items = potential.slice(0, MOST_POTENTIAL).map(({ title, steps, hidden }) => el("li", {}, el("p", {}, title), el("ul", {},
    ...steps.map((step) => el("li", {}, ...words(step))), hidden > 0 && el("li", { class: "hint" }, `... and ${count(hidden)} more`))));
  const hidden = potential.length - items.length;
  if (hidden > 0) items.push(el("li", { class: "hint" }, `... and ${count(hidden)} more`));
  if (snapshot.profilerMode.kind === "sampled") {
    items.push(el("li", { class: "hint" }, "In mode sampled, a lock that is always held around these may be unknown. Such a lock makes an order harmless."));
  }
  // The same words stay, with what is selected of them.
  const now = el("ol", {}, ...items);
  if ($("potential").textContent !== now.textContent) $("potential").replaceChildren(...items);
}

function drawBars(cell, row) {
  cell.replaceChildren(sparkline(row.waits, row.intervals, peakWords(row)));
}

function drawCauses(cell, row) {
  cell.replaceChildren(...row.shares.map((cause) => el("div", {}, causeWords(cause))));
}
