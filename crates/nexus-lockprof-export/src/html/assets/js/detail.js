// Shows one point in detail.

const MOST_CALLERS = 20;
const MOST_HOLDERS = 20;
const MOST_INSTANCES = 8;
const MOST_FRAMES = 12;

class Detail {
  constructor() {
    this.facts = el("div", { class: "wide" });
    this.behind = el("div", { class: "wide" });
    this.rwlock = el("div", { class: "wide" });
    this.past = el("div", { class: "wide" });
    this.instances = el("div", { class: "wide" });
    this.callers = el("div", { class: "wide" });
    this.figures = { wait: this.figure("wait"), hold: this.figure("hold") };
    this.element = el("div", { class: "detail" }, this.facts, this.figures.wait.element, this.figures.hold.element, this.behind, this.rwlock, this.past, this.instances, this.callers);
    this.element.addEventListener("click", (event) => event.stopPropagation());
  }

  figure(kind) {
    const chart = el("div", { class: "chart" });
    const said = el("figcaption");
    const element = el("figure", {}, el("h3", {}, kind === "wait" ? "Wait" : "Hold"), said, chart);
    const plot = plotIn(chart, (width) => this.make(kind, chart, width));
    return { element, said, chart, plot };
  }

  make(kind, chart, width) {
    const times = this.point?.[kind];
    const data = times && histogram(times.reservoir);
    if (!data) return null;
    const marks = QUANTILES.map(([label, q]) => [label, quantile(times.reservoir, q)]);
    return histogramPlot(chart, data, marks, width);
  }

  update(point) {
    const another = this.point?.key !== point.key;
    this.point = point;
    this.tell();
    if (!another) this.draw();
  }

  /** Draws what was told of. Only where it is seen has it a width. */
  draw() {
    for (const { plot } of Object.values(this.figures)) plot.again();
  }

  tell() {
    const { point } = this;
    const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", { class: "mono" }, value));
    const caused = point.caused_wait_ns > 0 ? exactly(point.caused_wait_ns, standardError(point.caused_variance)) : "none";
    this.facts.replaceChildren(
      el("h3", {}, el("bdi", {}, point.lockName), " at ", el("bdi", {}, printable(point.site.line ? `${point.site.file}:${point.site.line}:${point.site.column}` : point.site.file)), `, ${point.mode}`),
      el("dl", { class: "facts" },
        fact("acquisitions", digits(point.acquisitions)), fact("contentions", digits(point.contentions)),
        fact("blocked others", digits(point.blocked)), fact("caused wait", caused),
        point.long_waits > 0 && fact("waits that parked", digits(point.long_waits)),
        point.try_failures > 0 && fact("failed tries", digits(point.try_failures)),
        point.timeouts + point.cancellations > 0 && fact("timed out, cancelled", `${digits(point.timeouts)}, ${digits(point.cancellations)}`),
        point.abandoned_wait_ns > 0 && fact("waited, then gave up", exactly(point.abandoned_wait_ns, 0))));
    for (const [kind, { said }] of Object.entries(this.figures)) setText(said, distributionWords(point[kind]));
    this.tellBehind();
    this.tellRwLock();
    this.tellPast();
    this.tellInstances();
    this.tellCallers();
  }

  tellBehind() {
    const holders = holderShares(this.point);
    const items = holders.slice(0, MOST_HOLDERS).map(({ name, mode, waits, waited_ns, share }) => el("li", {},
      el("span", { class: "share" }, share),
      el("span", {}, plural(waits, "wait"), waited_ns > 0 ? `, ${duration(waited_ns)}` : ""),
      el("span", { class: "frames" }, el("bdi", { class: "mono" }, name), el("span", {}, mode ? ` ${mode}` : ""))));
    const hidden = holders.length - MOST_HOLDERS;
    this.behind.replaceChildren(...(items.length > 0 ? [el("h3", {}, "Waited behind"), el("ol", { class: "callers" }, ...items)] : []),
      ...(hidden > 0 ? [el("p", { class: "hint" }, `... and ${plural(hidden, "more holder", "more holders")}`)] : []));
  }

  tellRwLock() {
    const { rwlock } = this.point;
    if (!rwlock) {
      this.rwlock.replaceChildren();
      return;
    }
    const items = causeShares(rwlock).map(({ words, waits, waited_ns, share }) => el("li", {},
      el("span", { class: "share" }, share),
      el("span", {}, plural(waits, "wait"), waited_ns > 0 ? `, ${duration(waited_ns)}` : ""),
      el("span", { class: "frames" }, words)));
    this.rwlock.replaceChildren(el("h3", {}, "Reader-writer lock"), el("p", { class: "hint" }, rwlockWords(rwlock)), el("ol", { class: "callers" }, ...items));
  }

  /** When threads waited here. */
  tellPast() {
    const { past } = this.point;
    this.past.replaceChildren(...(past ? [el("h3", {}, "History"), el("p", { class: "hint" }, peakWords(past)), sparkline(past.waits, past.intervals, "The waiting in each interval")] : []));
  }

  /** For which locks of the class. */
  tellInstances() {
    const { instances } = this.point;
    const items = instances.slice(0, MOST_INSTANCES).map(({ leastShare, waits, waited, address }) => el("li", {},
      el("span", { class: "share" }, leastShare), el("span", {}, `${plural(waits, "wait")}, ${waited}`), el("span", { class: "frames mono" }, address)));
    const hidden = instances.length - MOST_INSTANCES;
    this.instances.replaceChildren(...(items.length > 0 ? [el("h3", {}, "Instances of the lock"), el("ol", { class: "callers" }, ...items)] : []),
      ...(hidden > 0 ? [el("p", { class: "hint" }, `... and ${plural(hidden, "more lock")}`)] : []));
  }

  tellCallers() {
    const { point } = this;
    if (point.callers.length === 0) {
      const why = point.wait.total_ns > 0 ? "No call stacks were recorded for these waits. LOCKPROF_STACKS=on, with the feature `stacks`, records them." : "Nothing waited here, so there are no callers to show.";
      this.callers.replaceChildren(el("p", { class: "hint" }, why));
      return;
    }
    const whole = point.callers.reduce((sum, stack) => sum + stack.wait_ns, 0);
    const callers = callersAlike(point);
    const items = callers.slice(0, MOST_CALLERS).map((stack) => {
      const { frames } = stack;
      const words = frames.slice(0, MOST_FRAMES).flatMap((frame, i) => [
        i > 0 ? " ← " : "", el("bdi", { class: "mono" }, elide(frameName(frame), 100)), el("span", {}, framePlace(frame) ? ` ${framePlace(frame)}` : ""),
      ]);
      const about = stack.waits === stack.samples ? "" : "~";
      return el("li", {}, el("span", { class: "share" }, percent(stack.wait_ns, whole)),
        el("span", {}, `${about}${plural(stack.waits, "wait")}, ${about}${duration(stack.wait_ns)}`),
        el("span", { class: "frames" }, ...words, frames.length > MOST_FRAMES ? ` ← and ${frames.length - MOST_FRAMES} more` : ""));
    });
    const hidden = callers.length - MOST_CALLERS;
    this.callers.replaceChildren(el("h3", {}, "Callers of long waits"), el("ol", { class: "callers" }, ...items),
      ...(hidden > 0 ? [el("p", { class: "hint" }, `... and ${plural(hidden, "more caller", "more callers")}`)] : []));
  }
}

/** A distribution in words, for who does not see it drawn too. */
function distributionWords(times) {
  const events = times.events + times.unmeasured;
  if (events === 0 && times.samples === 0) return "None.";
  if (times.samples === 0) return `${digits(events)}, none of them measured.`;
  const total = `${totalText(times)} in total (${totalTitle(times)})`;
  if (times.reservoir.length === 0) return `${total}, the longest ${duration(times.max_ns)}. No distribution was kept.`;
  const about = isEstimate(times) ? "~" : "";
  const quantiles = QUANTILES.map(([label, q]) => `${label} ${about}${duration(quantile(times.reservoir, q))}`).join(", ");
  return `${quantiles}, max ${duration(times.max_ns)}; ${total}. From ${plural(times.reservoir.length, "weighted sample")}.`;
}
