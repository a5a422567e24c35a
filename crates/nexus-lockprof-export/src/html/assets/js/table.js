// The table of points: sorting, filtering, and rows that are made when they are needed.

const PAGE_ROWS = 200;

class Table {
  constructor(place, detail) {
    this.place = place;
    this.detail = detail;
    this.points = [];
    this.rows = new Map();
    this.open = null;
    this.current = null;
    this.most = PAGE_ROWS;
    // Roles are said, since a table that CSS lays out as blocks is none to screen readers.
    this.body = el("tbody", { role: "rowgroup" });
    this.heads = new Heads(COLUMNS.find((c) => c.id === "wait_total"), () => this.draw());
    this.more = el("div", { class: "more" });
    this.element = el("table", { role: "table", "aria-label": "Acquisition points" }, el("caption", { hidden: true }, "Acquisition points"), el("thead", { role: "rowgroup" }, this.heads.row), this.body);
    place.append(this.element, this.more);
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("keydown", (event) => this.pressed(event));
    $("filter").addEventListener("input", () => { this.most = PAGE_ROWS; this.draw(); });
    $("all-columns").addEventListener("change", (event) => this.element.classList.toggle("all", event.target.checked));
  }

  update(points) {
    this.points = points;
    this.columns = COLUMNS.filter((c) => !c.unless?.(points));
    if (this.heads.show(this.columns)) {
      this.rows.clear();
      this.body.replaceChildren();
    }
    this.draw();
  }

  draw() {
    const found = filtered(this.points, $("filter").value);
    const rows = this.heads.sorted(found);
    const shown = rows.slice(0, this.most);
    // Where a finding leads must be there, wherever it is.
    const opened = rows.slice(this.most).find((p) => p.key === this.open);
    if (opened) shown.push(opened);
    this.shown = shown;
    if (!shown.some((p) => p.key === this.current)) this.current = shown[0]?.key ?? null;
    this.scale = Object.fromEntries(this.columns.filter((c) => c.bar).map((c) => [c.id, Math.max(0, ...this.points.map((p) => c.sort(p) ?? 0))]));
    this.drawRows();
    setText($("shown"), found.length === this.points.length
      ? plural(this.points.length, "point")
      : `${count(found.length)} of ${plural(this.points.length, "point")}`);
    this.drawMore(found.length);
  }

  drawRows() {
    const focused = document.activeElement;
    const kept = new Set(this.shown.map((p) => p.key));
    for (const [key, row] of this.rows) {
      if (kept.has(key)) continue;
      row.line.remove();
      this.rows.delete(key);
    }
    if (this.open !== null && !kept.has(this.open)) this.close();
    let next = this.body.firstChild;
    const put = (line) => {
      if (line === next) next = next.nextSibling;
      else this.body.insertBefore(line, next);
    };
    for (const point of this.shown) {
      if (!this.rows.has(point.key)) this.rows.set(point.key, this.rowOf(point));
      const row = this.rows.get(point.key);
      this.fill(row, point);
      put(row.line);
      if (point.key === this.open && this.detailLine) put(this.detailLine);
    }
    // Moving an element takes the focus from what is in it.
    if (focused !== document.activeElement && this.body.contains(focused)) focused.focus({ preventScroll: true });
  }

  rowOf(point) {
    const turner = el("button", { type: "button", class: "turner", tabindex: "-1", "aria-expanded": "false" }, "▸");
    const cells = this.columns.map((column) => {
      const cell = el("td", { role: "cell", class: classOf(column), "data-head": headOf(column) });
      if (column.id === "lock") cell.append(el("div", {}, turner, nameBox()));
      else if (column.text) cell.append(nameBox());
      return cell;
    });
    const line = el("tr", { role: "row", class: "point" }, ...cells);
    line.dataset.key = point.key;
    turner.setAttribute("aria-label", `Details of ${point.lockName} at ${point.siteName}`);
    return { line, cells, turner };
  }

  fill(row, point) {
    this.columns.forEach((column, i) => {
      const cell = row.cells[i];
      const text = column.show(point);
      if (column.text) setName(cell.querySelector(".name"), text, column.path?.(point));
      else setText(cell, text);
      const title = column.title?.(point) ?? (column.text ? text : "");
      if (title && cell.title !== title) cell.title = title;
      if (!column.text) cell.classList.toggle("none", text === "-" || text === "0" || text === "0%");
      if (column.bar) {
        const most = this.scale[column.id];
        cell.style.setProperty("--share", `${most > 0 ? (100 * (column.sort(point) ?? 0)) / most : 0}%`);
      }
    });
    const open = point.key === this.open;
    row.line.classList.toggle("open", open);
    row.turner.setAttribute("aria-expanded", String(open));
    setText(row.turner, open ? "▾" : "▸");
    row.turner.tabIndex = point.key === this.current ? 0 : -1;
    if (open) this.detail.update(point);
  }

  drawMore(all) {
    const next = Math.min(5 * PAGE_ROWS, all - this.most);
    const by = headOf(this.heads.column);
    let text = "";
    if (this.points.length === 0) text = "No points.";
    else if (all === 0) text = "No point has all of these words. Escape clears the filter.";
    else if (next > 0) text = `Showing the first ${digits(this.most)} of ${digits(all)} points by ${by}. Sorting and filtering cover all of them.`;
    const more = () => {
      this.most += 5 * PAGE_ROWS;
      this.draw();
    };
    showMore(this.more, text, next, more);
  }

  clicked(event) {
    const line = event.target.closest("tr.point");
    // Who selects text to copy it does not want to see details.
    if (!line || String(getSelection()) !== "") return;
    this.current = line.dataset.key;
    this.toggle(line.dataset.key);
    this.rows.get(this.current)?.turner.focus({ preventScroll: true });
  }

  pressed(event) {
    const at = this.shown.findIndex((p) => p.key === this.current);
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.shown.length - 1, PageDown: at + 15, PageUp: at - 15 };
    if (event.key in steps && event.target.classList.contains("turner")) {
      event.preventDefault();
      this.go(this.shown[Math.min(this.shown.length - 1, Math.max(0, steps[event.key]))]?.key);
    } else if (event.key === "Escape" && this.open !== null) {
      event.preventDefault();
      this.go(this.open);
      this.toggle(this.open);
    }
  }

  go(key) {
    const row = this.rows.get(key);
    if (!row) return;
    const before = this.rows.get(this.current);
    if (before) before.turner.tabIndex = -1;
    this.current = key;
    row.turner.tabIndex = 0;
    row.turner.focus();
    row.line.scrollIntoView({ block: "nearest" });
  }

  toggle(key) {
    const opening = this.open !== key;
    this.close();
    if (opening) {
      this.open = key;
      this.detailLine = el("tr", { role: "row", class: "details" }, el("td", { role: "cell", colspan: String(this.columns.length) }, this.detail.element));
    }
    this.draw();
    if (opening) this.detail.draw();
  }

  close() {
    this.detailLine?.remove();
    this.detailLine = null;
    this.open = null;
  }

  /** Opens a point and goes there. */
  show(key) {
    if (!filtered(this.points, $("filter").value).some((p) => p.key === key)) clearFilter();
    if (this.open !== key) this.toggle(key);
    this.go(key);
  }
}

/** A name in parts. Where room is short the directories of a path give way first, then the file; `new@` and the line stay. */
function nameBox() {
  return el("bdi", { class: "name" }, ...["mark", "folder", "file", "line"].map((part) => el("span", { class: part })));
}

function setName(box, text, isPath) {
  const parts = isPath ? pathParts(text) : ["", "", text, ""];
  parts.forEach((part, i) => setText(box.children[i], part));
}
