// Who waits at the moment of the snapshot, and who holds what they wait for. The words are the text report's.

const MOST_LOCKS_WAITED_FOR = 12;
const MOST_WAITERS_OF_A_LOCK = 8;

/**
 * Those who wait, by lock, the longest wait first: `{ head, waiters, hidden }`. `head` is the lock and its holder, as parts of a sentence: strings
 * and `{ code, title }`; so are the `who` and `where` of each of the `waiters`. `hidden` counts those that are left out.
 */
function waitedFor(waiters) {
  const locks = new Map();
  for (const waiter of waiters) {
    const key = JSON.stringify([waiter.lock, waiter.address, waiter.holder?.thread, waiter.holder?.exited, waiter.holder?.site]);
    if (!locks.has(key)) locks.set(key, []);
    locks.get(key).push(waiter);
  }
  return [...locks.values()].map((of) => ({
    head: [code(lockName(of[0].lock, false)), ": ", ...heldBy(of[0].holder)],
    waiters: of.slice(0, MOST_WAITERS_OF_A_LOCK).map((waiter) => ({
      waited: age(waiter.waited_ns), who: waiterName(waiter), where: [code(placeName(waiter.site, false)), waiter.mode === "exclusive" ? "" : ` (${waiter.mode})`],
    })),
    hidden: Math.max(0, of.length - MOST_WAITERS_OF_A_LOCK),
  }));
}

/** "3 threads and 1 task" */
function waiterCount(waiters) {
  const tasks = waiters.filter((waiter) => !waiter.thread).length;
  const both = [[waiters.length - tasks, "thread"], [tasks, "task"]].filter(([n]) => n > 0);
  return both.map(([n, noun]) => plural(n, noun)).join(" and ");
}

function heldBy(holder) {
  if (!holder) return ["who holds it is not known"];
  if (holder.site.file === "(readers)") return ["held by readers"];
  const thread = holder.exited ? ["a thread that has exited"] : holder.thread ? threadName(holder.thread) : ["an unknown thread"];
  const readers = { shared: "readers, the latest ", upgradable: "an upgradable reader, " }[holder.mode] ?? "";
  const since = holder.held_ns === undefined ? "" : `, for ${age(holder.held_ns)}`;
  return [`held by ${readers}`, ...thread, " at ", code(placeName(holder.site, false)), since];
}

function waiterName({ thread, handed }) {
  if (thread) return threadName(thread);
  return [handed ? "a task that was given it" : "a task"];
}

function threadName({ id, name }) {
  return name ? [code(printable(name), 40), ` (${id})`] : [`thread ${id}`];
}

/** The same as plain text. */
function threadText({ id, name }) {
  return name ? `${printable(name)} (${id})` : `thread ${id}`;
}

function code(text, most = 80) {
  return { code: elide(text, most), title: text };
}

/** Shows them, if anybody waits; once somebody has, the section stays. */
function showWaiters(waiters, isLive) {
  const section = $("waiting");
  if (waiters.length === 0 && section.hidden) return;
  section.hidden = false;
  const when = isLive ? "now" : "when it was taken";
  setText($("waiting-head"), waiters.length > 0 ? `Waiting ${when}: ${waiterCount(waiters)}` : `Nobody waits ${when}`);
  const locks = waitedFor(waiters);
  const items = locks.slice(0, MOST_LOCKS_WAITED_FOR).map(({ head, waiters, hidden }) => el("li", {}, el("p", {}, ...words(head)), el("ul", {},
    ...waiters.map(({ waited, who, where }) => el("li", {}, el("span", { class: "waited" }, waited), el("span", {}, ...words(who)), el("span", {}, ...words(where)))),
    hidden > 0 && el("li", { class: "hint" }, `... and ${count(hidden)} more`))));
  const hidden = locks.length - items.length;
  if (hidden > 0) items.push(el("li", { class: "hint" }, `... and waiting for ${plural(hidden, "more lock")}`));
  $("waiters").replaceChildren(...items);
}

/** Parts of a sentence as elements. */
function words(parts) {
  return parts.map((part) => (typeof part === "string" ? part : el("code", { title: part.title }, el("bdi", {}, part.code))));
}
