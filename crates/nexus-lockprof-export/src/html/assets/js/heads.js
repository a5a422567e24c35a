// The heads of a table's columns, which sort it.

class Heads {
  /** `by` sorts at first; `changed` is called when another column does, or the same one the other way. */
  constructor(by, changed) {
    this.column = by;
    this.descending = !by.text;
    this.changed = changed;
    this.cells = new Map();
    this.row = el("tr", { role: "row" });
  }

  /** Shows the heads of these columns. Returns whether they are others than before. */
  show(columns) {
    this.columns = columns;
    const ids = columns.map((column) => column.id).join();
    const others = this.ids !== ids;
    if (others) {
      this.ids = ids;
      this.row.replaceChildren(...columns.map((column) => this.cellOf(column)));
    }
    this.draw();
    return others;
  }

  draw() {
    for (const column of this.columns) {
      const sort = column === this.column ? (this.descending ? "descending" : "ascending") : "none";
      const cell = this.cells.get(column.id);
      cell.setAttribute("aria-sort", sort);
      setText(cell.querySelector(".arrow"), { none: "", ascending: "▲", descending: "▼" }[sort]);
    }
  }

  cellOf(column) {
    const button = el("button", { type: "button", title: column.about, onclick: () => this.sortBy(column) },
      column.group ? el("small", {}, column.group) : null, column.head, el("span", { class: "arrow", "aria-hidden": "true" }));
    const cell = el("th", { role: "columnheader", scope: "col", class: classOf(column) }, button);
    this.cells.set(column.id, cell);
    return cell;
  }

  /** Numbers from the most, names from the first; again, the other way. */
  sortBy(column) {
    this.descending = column === this.column ? !this.descending : !column.text;
    this.column = column;
    this.draw();
    this.changed();
  }

  /** A sorted copy of `rows`. */
  sorted(rows) {
    return sorted(rows, this.column, this.descending);
  }
}

/** A column's whole head: where rows are stacked, each cell has it beside it. */
function headOf(column) {
  return [column.group, column.head].filter(Boolean).join(" ");
}

function classOf(column) {
  return [column.id, `rank-${column.rank}`, column.text && "text", column.short && "short", column.bar && "bar-cell"].filter(Boolean).join(" ");
}

/** Says below a table what is not in it, with a button for the `next` rows if there are more. What is the same stays, with its focus. */
function showMore(place, text, next, more) {
  place.hidden = text === "";
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  place.replaceChildren(text, next > 0 ? el("button", { type: "button", onclick: more }, `Show ${digits(next)} more`) : "");
}
