// What is drawn, as plain data: distributions, the tree of waiting, and contention over time.

const BINS_PER_DECADE = 6;
const LEAST_STEP_NS = 300_000_000;

/**
 * Bins of equal width on a logarithmic axis, each with the weight of the samples in it: `{ bins: [{ from, to, weight }], weight, samples }`, times
 * in nanoseconds; null without samples. What took no whole nanosecond counts as 1 ns, which has a place on such an axis.
 */
function histogram(reservoir) {
  if (reservoir.length === 0) return null;
  const index = (ns) => Math.floor(Math.log10(Math.max(1, ns)) * BINS_PER_DECADE + 1e-9);
  const edge = (i) => 10 ** (i / BINS_PER_DECADE);
  const weights = new Map();
  let weight = 0;
  for (const [value, w] of reservoir) {
    weights.set(index(value), (weights.get(index(value)) ?? 0) + w);
    weight += w;
  }
  const first = Math.min(...weights.keys()) - 1;
  const last = Math.max(...weights.keys()) + 1;
  const bins = [];
  for (let i = first; i <= last; i++) bins.push({ index: i, from: edge(i), to: edge(i + 1), weight: weights.get(i) ?? 0 });
  return { bins, weight, samples: reservoir.length };
}

/** A point's waiting by call stack, then what no stack is known of. Together they are the point's, as in the folded stacks. */
function shares(point) {
  const total = point.wait.total_ns;
  const sum = point.callers.reduce((all, stack) => all + stack.wait_ns, 0);
  const factor = sum > total ? total / sum : 1;
  const parts = point.callers.map((stack) => ({ stack, ns: stack.wait_ns * factor }));
  const rest = total - parts.reduce((all, part) => all + part.ns, 0);
  if (rest > 0) parts.push({ stack: null, ns: rest });
  return parts.filter((part) => part.ns > 0);
}

/** The functions that called a point, the nearest first, without the one that is the point itself if others called it. */
function callerFrames(stack, site) {
  const at = stack.frames.findIndex((frame) => frame.line === site.line && isFile(frame.file, site.file));
  return at >= 0 && at + 1 < stack.frames.length ? stack.frames.slice(at + 1) : stack.frames;
}

/** Whether the debug information's `path` is the compiler's `file`, with the directory before it or not. */
function isFile(path, file) {
  if (!path?.endsWith(file)) return false;
  const before = path.slice(0, path.length - file.length);
  return before === "" || /[/\\]$/.test(before);
}

/** A point's callers, those one that read alike: functions are copied, and copies differ in their address. Longest first. */
function callersAlike(point) {
  const alike = new Map();
  for (const stack of point.callers) {
    const frames = callerFrames(stack, point.site);
    const key = JSON.stringify(frames.map((frame) => [frameName(frame), framePlace(frame)]));
    const known = alike.get(key);
    if (!known) alike.set(key, { frames, waits: stack.waits, wait_ns: stack.wait_ns, samples: stack.samples });
    else for (const figure of ["waits", "wait_ns", "samples"]) known[figure] += stack[figure];
  }
  return [...alike.values()].sort((a, b) => b.wait_ns - a.wait_ns);
}

function frameName(frame) {
  return printable(frame.function ?? `0x${frame.address.toString(16)}`);
}

function framePlace(frame) {
  return frame.file ? printable(`${shortPath(frame.file)}${frame.line ? `:${frame.line}` : ""}`) : "";
}

/** Who waited for what: a tree of `{ name, kind, value, children }`, lock, then site, then callers, in nanoseconds. Null if nothing waited. */
function waitTree(points) {
  const root = node("all waiting", "root");
  for (const point of points) {
    if (point.wait.total_ns === 0) continue;
    const lock = child(root, point.lockName, "lock", point.lockKey);
    const site = child(lock, `${point.siteName}${point.mode === "exclusive" ? "" : ` (${point.mode})`}`, "site", point.key);
    for (const { stack, ns } of shares(point)) {
      for (const at of [root, lock, site]) at.value += ns;
      let at = site;
      for (const frame of stack ? callerFrames(stack, point.site) : []) {
        at = child(at, frameName(frame), "caller", `${frame.function ?? frame.address}@${frame.file}:${frame.line}`);
        at.place = framePlace(frame);
        at.value += ns;
      }
    }
  }
  return root.value > 0 ? plain(root) : null;
}

/** Who kept whom waiting: lock, then the site that held it, then the sites that waited. Null if nothing waited. */
function holderTree(points) {
  const root = node("all waiting", "root");
  const name = ({ name, mode }) => `${name}${mode && mode !== "exclusive" ? ` (${mode})` : ""}`;
  for (const point of points) {
    for (const waiter of point.kept.filter((waiter) => waiter.waited_ns > 0)) {
      const lock = child(root, point.lockName, "lock", point.lockKey);
      const holder = child(lock, name({ name: point.siteName, mode: point.mode }), "site", point.key);
      const site = child(holder, name(waiter), "caller", waiter.key);
      for (const at of [root, lock, holder, site]) at.value += waiter.waited_ns;
    }
  }
  return root.value > 0 ? plain(root) : null;
}

function node(name, kind) {
  return { name, kind, value: 0, children: new Map() };
}

function child(parent, name, kind, key) {
  if (!parent.children.has(key)) parent.children.set(key, node(name, kind));
  return parent.children.get(key);
}

/** With lists for maps, the widest first. */
function plain({ children, ...rest }) {
  return { ...rest, children: [...children.values()].sort((a, b) => b.value - a.value).map(plain) };
}

/** Contention over time, from one snapshot after another: threads that waited, of each lock, between each two. */
class History {
  /** `span` in milliseconds: what is older is forgotten. */
  constructor(span) {
    this.span = span;
    this.steps = [];
    this.last = null;
  }

  /** The target does not answer: the line has a gap there. */
  gap(now) {
    this.last = null;
    if (this.steps.at(-1)?.waits !== null) this.steps.push({ at: now, waits: null });
  }

  /** Adds a snapshot that was read at `now`, in milliseconds. */
  add(snapshot, now) {
    const waits = new Map();
    for (const lock of lockClasses(snapshot.points)) waits.set(lock.key, { name: lock.name, ns: lock.wait });
    const { last } = this;
    const same = last?.engine === snapshot.engine && last.resets === snapshot.resets;
    const passed = snapshot.elapsed - (last?.elapsed ?? 0);
    // Too short to say anything, as right after a change of the mode: the next step has it.
    if (same && passed >= 0 && passed < LEAST_STEP_NS) return;
    this.last = { engine: snapshot.engine, resets: snapshot.resets, elapsed: snapshot.elapsed, waits };
    if (!last) return;
    if (!same || passed < 0) {
      this.steps.push({ at: now, waits: null });
    } else {
      const step = new Map();
      for (const [key, { name, ns }] of waits) {
        // An estimated total may shrink; nobody waited less than not at all.
        const threads = Math.max(0, ns - (last.waits.get(key)?.ns ?? 0)) / passed;
        if (threads > 0) step.set(key, { name, threads });
      }
      this.steps.push({ at: now, waits: step });
    }
    while (this.steps.length > 0 && this.steps[0].at < now - this.span) this.steps.shift();
  }

  /** `{ at: [ms], lines: [{ name, key, values }] }`: all locks together, then the `most` that cost most. A gap is null. */
  lines(most) {
    const sums = new Map();
    for (const { waits } of this.steps) {
      for (const [key, { name, threads }] of waits ?? []) {
        const sum = sums.get(key) ?? { key, name, sum: 0 };
        sum.sum += threads;
        sums.set(key, sum);
      }
    }
    const top = [...sums.values()].sort((a, b) => b.sum - a.sum).slice(0, most);
    const all = this.steps.map(({ waits }) => waits && [...waits.values()].reduce((sum, { threads }) => sum + threads, 0));
    return {
      at: this.steps.map(({ at }) => at),
      lines: [
        { key: null, name: "all locks", values: all },
        ...top.map(({ key, name }) => ({ key, name, values: this.steps.map(({ waits }) => waits && (waits.get(key)?.threads ?? 0)) })),
      ],
    };
  }
}
