// Charts: by uPlot in the colours of the theme, and bars.

const MOST_LINES = 4;
/** Steps of an axis of events, of which there are no halves: 1, 2, 5, 10, ... */
const WHOLE_STEPS = Array.from({ length: 54 }, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));
/** The least time that the axis covers. */
const LEAST_SECONDS = 60;
const PLOT_FONT = "11px system-ui, sans-serif";

/** Keeps a plot as wide as its place. `make(width)` gives a uPlot or null; calling what is returned makes it anew. */
function plotIn(place, make) {
  let plot = null;
  const again = () => {
    plot?.destroy();
    const width = Math.floor(place.clientWidth);
    plot = width > 0 ? make(width) : null;
  };
  new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (plot && width > 0 && width !== plot.width) plot.setSize({ width, height: plot.height });
    else if (!plot && width > 0) again();
  }).observe(place);
  return { again, get: () => plot };
}

function axis(more) {
  const grid = { stroke: colour("--line"), width: 1 };
  return { stroke: colour("--soft"), font: PLOT_FONT, grid, ticks: { ...grid, size: 4 }, ...more };
}

/** A distribution on a logarithmic axis, with its quantiles. */
function histogramPlot(place, data, marks, width) {
  const x = data.bins.map((bin) => bin.index + 0.5);
  const y = data.bins.map((bin) => bin.weight);
  const every = (u, i, from, to) => {
    const room = Math.max(1, Math.ceil((60 * (to - from)) / BINS_PER_DECADE / Math.max(1, width - 60)));
    const first = Math.ceil(from / BINS_PER_DECADE / room) * room;
    const splits = [];
    for (let decade = first; decade * BINS_PER_DECADE <= to; decade += room) splits.push(decade * BINS_PER_DECADE);
    return splits;
  };
  const drawMarks = (u) => {
    const { ctx, bbox } = u;
    const dpr = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * dpr}px system-ui, sans-serif`;
    ctx.fillStyle = ctx.strokeStyle = colour("--ink");
    ctx.setLineDash([4 * dpr, 3 * dpr]);
    let labelled = -Infinity;
    for (const [label, ns] of marks) {
      const at = Math.round(u.valToPos(Math.log10(Math.max(1, ns)) * BINS_PER_DECADE, "x", true));
      ctx.beginPath();
      ctx.moveTo(at, bbox.top + 12 * dpr);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
      // Two quantiles in one place: the first says where.
      if (at - labelled < 28 * dpr) continue;
      labelled = at;
      ctx.textAlign = "center";
      ctx.fillText(label, at, bbox.top + 9 * dpr);
    }
    ctx.restore();
  };
  const first = data.bins[0].index;
  const last = data.bins.at(-1).index + 1;
  return new uPlot({
    width, height: 150, legend: { show: false }, cursor: { show: false },
    scales: { x: { time: false, range: [first, last] }, y: { range: (u, low, high) => [0, high * 1.25] } },
    axes: [
      axis({ splits: every, values: (u, splits) => splits.map((i) => duration(10 ** (i / BINS_PER_DECADE)).replace(/\.0+(?=\D)/, "")), size: 26 }),
      axis({ values: (u, splits) => splits.map(count), size: 46, incrs: WHOLE_STEPS }),
    ],
    series: [{}, { fill: colour("--series-2"), stroke: colour("--series-2"), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.88, 60], align: 0 }) }],
    hooks: { draw: [drawMarks] },
  }, [x, y], place);
}

/** Bars of equal width, which a screen reader knows by their `label` only. */
function sparkline(waits, intervals, label) {
  return el("div", { class: "sparkline", role: "img", "aria-label": label },
    ...barsOf(waits, intervals).map(({ height, words }) => el("i", { title: words }, height !== null && el("span", { style: `height: ${(100 * height).toFixed(1)}%` }))));
}

/** Contention over time. */
class TimePlot {
  constructor(place, history) {
    this.history = history;
    this.text = el("p", { class: "hint" });
    this.chart = el("div", { class: "chart" });
    this.legend = el("div", { class: "legend" });
    place.replaceChildren(this.chart, this.legend, this.text);
    this.plot = plotIn(this.chart, (width) => this.make(width));
  }

  make(width) {
    const { at, lines } = this.history.lines(MOST_LINES);
    this.names = lines.map((line) => line.key).join();
    if (at.filter((_, i) => lines[0].values[i] !== null).length < 2) return null;
    const series = lines.map((line, i) => ({ label: line.name, stroke: colour(`--series-${i}`), width: i === 0 ? 2 : 1.5, dash: i === 0 ? [] : undefined, points: { show: false } }));
    return new uPlot({
      width, height: 200, legend: { show: false }, cursor: { y: false, points: { size: 6 } },
      scales: { x: { time: true, range: (u, low, high) => [Math.min(low, high - LEAST_SECONDS), high] }, y: { range: (u, low, high) => [0, Math.max(high * 1.1, 0.1)] } },
      axes: [axis({}), axis({ label: "threads waiting", labelFont: PLOT_FONT, labelSize: 18, size: 46 })],
      series: [{}, ...series],
      hooks: { setCursor: [(u) => this.drawLegend(lines, u.cursor.idx)] },
    }, this.data(at, lines), this.chart);
  }

  data(at, lines) {
    return [at.map((ms) => ms / 1000), ...lines.map((line) => line.values)];
  }

  drawLegend(lines, index) {
    const at = index ?? lines[0].values.length - 1;
    this.legend.replaceChildren(...lines.map((line, i) => {
      const mark = el("i");
      mark.style.background = `var(--series-${i})`;
      const value = line.values[at];
      return el("span", {}, mark, el("bdi", {}, elide(line.name, 40)), value === null || value === undefined ? "" : ` ${threads(value)}`);
    }));
  }

  update() {
    const { at, lines } = this.history.lines(MOST_LINES);
    const plot = this.plot.get();
    // Other locks are other series.
    if (!plot || this.names !== lines.map((line) => line.key).join()) this.plot.again();
    else plot.setData(this.data(at, lines));
    this.drawLegend(lines, this.plot.get()?.cursor.idx);
    setText(this.text, this.plot.get()
      ? "Average number of threads that waited between two updates, for all locks and for those that cost most. A wait counts when it ends, so a long wait is a peak at its end."
      : "The chart starts with the second update.");
  }
}
