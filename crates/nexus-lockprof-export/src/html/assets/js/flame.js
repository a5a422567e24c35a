// The flame graph of waiting, for the mouse and for the keyboard.

const CELL = 21;

class Flame {
  constructor(place, details, reset, holders) {
    Object.assign(this, { place, details, reset, holders });
    this.byHolder = false;
    this.points = [];
    holders.addEventListener("click", () => this.turn());
    this.data = this.chart = null;
    reset.addEventListener("click", () => { this.zoomTo(this.root()); place.focus(); });
    place.addEventListener("keydown", (event) => this.pressed(event));
    place.addEventListener("focus", () => this.select(this.current ?? this.top ?? this.root()));
    new ResizeObserver(() => this.resize()).observe(place);
  }

  /** Shows who kept whom waiting in place of who waited from where, or back. */
  turn() {
    this.byHolder = !this.byHolder;
    this.holders.setAttribute("aria-pressed", String(this.byHolder));
    // Other frames: nothing is zoomed or selected among them.
    if (this.chart) this.top = this.current = this.root();
    this.update(this.points);
  }

  update(points) {
    this.points = points;
    const kept = holderTree(points);
    this.holders.hidden = !kept && !this.byHolder;
    const data = this.byHolder ? kept : waitTree(points);
    const text = JSON.stringify(data);
    if (text === this.text) return;
    this.text = text;
    this.data = data;
    if (!data) this.clear();
    else if (this.chart) this.replace();
    else this.make();
  }

  clear() {
    this.chart?.destroy();
    this.chart = this.top = this.current = null;
    this.reset.hidden = true;
    this.place.removeAttribute("tabindex");
    this.place.replaceChildren(el("p", { class: "hint" }, "No waiting was measured, so there is nothing to draw."));
    setText(this.details, "");
  }

  make() {
    this.place.replaceChildren();
    this.fills();
    this.width = Math.max(100, this.place.clientWidth);
    this.chart = d3flame.flamegraph().width(this.width).cellHeight(CELL).height(1)
      .inverted(true).minFrameSize(1).title("").transitionDuration(calm.matches ? 0 : 200)
      .setColorMapper((d) => this.fill[d.data.kind]).setLabelHandler((d) => this.words(d))
      .onClick((d) => this.wentTo(d)).onHover((d) => setText(this.details, this.words(d)));
    // It marks in its data what is hidden: so it has its own.
    d3flame.select(this.place).datum(structuredClone(this.data)).call(this.chart);
    const { place, details } = this;
    place.querySelector("svg").setAttribute("aria-hidden", "true");
    place.tabIndex = 0;
    place.setAttribute("role", "application");
    place.setAttribute("aria-label", "Flame graph of waiting. Arrow keys go from frame to frame, Enter zooms, Escape shows the whole graph.");
    place.setAttribute("aria-describedby", details.id);
    this.top = this.root();
    this.fit();
    setText(details, this.words(this.top));
  }

  /** Other numbers, in the same frames. */
  replace() {
    const zoomed = path(this.top);
    const current = this.current && path(this.current);
    this.chart.update(structuredClone(this.data));
    this.fit();
    this.top = find(this.root(), zoomed) ?? this.root();
    this.current = current && find(this.root(), current);
    if (this.top !== this.root()) this.chart.zoomTo(this.top);
    this.reset.hidden = this.top === this.root();
    this.select(this.current ?? this.top);
  }

  fit() {
    this.place.querySelector("svg").setAttribute("height", String(CELL * depth(this.data) + 2));
  }

  fills() {
    this.fill = Object.fromEntries(["root", "lock", "site", "caller"].map((kind) => [kind, colour(`--flame-${kind}`)]));
  }

  /** In the colours of the theme. */
  draw() {
    this.fills();
    this.chart?.update();
  }

  resize() {
    const width = this.place.clientWidth;
    if (!this.chart || width <= 0 || width === this.width) return;
    this.width = width;
    this.chart.width(width).update();
  }

  root() {
    return this.chart ? d3flame.select(this.place).datum() : null;
  }

  words(d) {
    const whole = this.data.value;
    const of = d.parent ? `, ${percent(d.data.value, whole)} of all waiting` : "";
    const inParent = d.depth > 1 ? `, ${percent(d.data.value, d.parent.data.value)} of ${elide(d.parent.data.name, 60)}` : "";
    return `${d.data.name}${d.data.place ? ` (${d.data.place})` : ""}: ${duration(d.data.value)}${of}${inParent}`;
  }

  wentTo(d) {
    this.top = d;
    this.reset.hidden = d === this.root();
    this.select(d);
  }

  zoomTo(d) {
    if (d) this.chart.zoomTo(d);
  }

  select(d) {
    if (!d) return;
    this.current = d;
    for (const g of this.place.querySelectorAll("g.frame")) g.classList.toggle("current", g.__data__ === d && document.activeElement === this.place);
    setText(this.details, this.words(d));
  }

  pressed(event) {
    const d = this.current;
    if (!d || event.ctrlKey || event.metaKey || event.altKey) return;
    const siblings = d.parent?.children ?? [d];
    const at = siblings.indexOf(d);
    const next = { ArrowDown: d.children?.[0], ArrowUp: d.parent, ArrowRight: siblings[at + 1], ArrowLeft: siblings[at - 1], Home: this.root() };
    if (event.key in next) this.select(next[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.zoomTo(d);
    else if (event.key === "Escape") this.zoomTo(this.root());
    else return;
    event.preventDefault();
  }
}

function depth(node) {
  return 1 + Math.max(0, ...node.children.map(depth));
}

/** The names from below the root. */
function path(d) {
  return d.ancestors().reverse().slice(1).map((at) => at.data.name);
}

function find(root, names) {
  let at = root;
  for (const name of names) at = at?.children?.find((c) => c.data.name === name);
  return at;
}
