// A table beside that of the points: threads, instances and others. Its heads sort it, and the page's filter filters it.

const GRID_ROWS = 20;

class Grid {
  /** `columns` as those of the points; `by` is the one that sorts at first. The filter looks in `words(row)`. A row is a `noun`. */
  constructor(place, { label, noun, columns, by, words }) {
    Object.assign(this, { columns, words, noun });
    this.rows = [];
    this.lines = [];
    this.most = GRID_ROWS;
    this.heads = new Heads(columns.find((column) => column.id === by), () => this.draw());
    this.heads.show(columns);
    this.body = el("tbody", { role: "rowgroup" });
    this.more = el("div", { class: "more" });
    const table = el("table", { role: "table", "aria-label": label }, el("thead", { role: "rowgroup" }, this.heads.row), this.body);
    table.style.setProperty("--names", columns.filter((column) => column.text && !column.short).length);
    place.append(table, this.more);
    $("filter").addEventListener("input", () => { this.most = GRID_ROWS; this.draw(); });
  }

  update(rows) {
    this.rows = rows;
    this.draw();
  }

  draw() {
    const found = filtered(this.rows, $("filter").value, this.words);
    const shown = this.heads.sorted(found).slice(0, this.most);
    while (this.lines.length > shown.length) this.lines.pop().remove();
    this.scale = Object.fromEntries(this.columns.filter((c) => c.bar).map((c) => [c.id, Math.max(0, ...this.rows.map((row) => c.sort(row) ?? 0))]));
    shown.forEach((row, i) => this.fill((this.lines[i] ??= this.lineOf()), row));
    this.drawMore(found.length);
  }

  lineOf() {
    const cells = this.columns.map((column) => el("td", { role: "cell", class: classOf(column), "data-head": headOf(column) }, column.text && nameBox()));
    const line = el("tr", { role: "row", class: "row" }, ...cells);
    this.body.append(line);
    return line;
  }

  fill(line, row) {
    line.classList.toggle("standout", Boolean(row.standsOut));
    this.columns.forEach((column, i) => {
      const cell = line.cells[i];
      const text = column.show(row);
      if (column.draw) column.draw(cell, row);
      else if (column.text) setName(cell.firstChild, text, column.path?.(row));
      else setText(cell, text);
      cell.title = column.title?.(row) ?? (column.text ? text : "");
      if (!column.text) cell.classList.toggle("none", text === "-" || text === "0" || text === "0%");
      if (column.bar) cell.style.setProperty("--share", `${this.scale[column.id] > 0 ? (100 * (column.sort(row) ?? 0)) / this.scale[column.id] : 0}%`);
    });
  }

  drawMore(all) {
    const next = Math.min(5 * GRID_ROWS, all - this.most);
    const more = () => {
      this.most += 5 * GRID_ROWS;
      this.draw();
    };
    const by = headOf(this.heads.column);
    const text = all === 0 ? `No ${this.noun} has all of these words.`
      : next > 0 ? `Showing the first ${digits(this.most)} of ${digits(all)} ${this.noun}s by ${by}. Sorting and filtering cover all of them.` : "";
    showMore(this.more, text, next, more);
  }
}
