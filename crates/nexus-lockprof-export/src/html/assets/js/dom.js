// Elements, always made from text: no string from a snapshot ever becomes markup.

const $ = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text nodes. What is null or false is left out. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** Changes the text only if it is another: what has not changed keeps its selection, and is not read out again. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** All rows of all tables are shown again. */
function clearFilter() {
  $("filter").value = "";
  $("filter").dispatchEvent(new Event("input"));
}

/** The colour that a custom property stands for in the theme of the moment. */
function colour(property) {
  const probe = el("span", { hidden: true });
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** System, light or dark; kept by the browser where it may. `changed` is called when colours are others. */
function theme(changed) {
  const names = ["system", "light", "dark"];
  let now = "system";
  // A browser may forbid storage, to a file above all. Then the choice lasts as long as the page.
  try { now = names.find((n) => n === localStorage.getItem("lockprof-theme")) ?? now; } catch { /* forbidden */ }
  const apply = () => {
    if (now === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = now;
    setText($("theme"), `Theme: ${now}`);
  };
  $("theme").addEventListener("click", () => {
    now = names[(names.indexOf(now) + 1) % names.length];
    try { localStorage.setItem("lockprof-theme", now); } catch { /* forbidden */ }
    apply();
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  apply();
}
