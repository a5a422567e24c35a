// Numbers and places for people, as the text report writes them: three significant digits and a unit.

const TIME_UNITS = ["ns", "µs", "ms", "s"];
const COUNT_UNITS = ["", "k", "M", "G", "T", "P", "E"];

/** `n` in the first unit in which it has at most three digits before the point; null if there is none. */
function scaled(n, units) {
  if (n < 999.5) return `${Math.round(n)}${units[0]}`;
  let size = 1;
  for (const unit of units.slice(1)) {
    size *= 1000;
    for (const decimals of [2, 1, 0]) {
      const tens = 10 ** decimals;
      const digits = Math.floor((n * tens + size / 2) / size);
      if (digits < 1000) return (digits / tens).toFixed(decimals) + unit;
    }
  }
  return null;
}

/** Nanoseconds as ns, µs, ms or s; whole seconds from 1000 s on. */
function duration(ns) {
  return scaled(ns, TIME_UNITS) ?? `${Math.round(ns / 1e9)}s`;
}

/** How long something has been there: 4.20s, 1m 05s, 3h 07m, 2d 04h. */
function age(ns) {
  const seconds = Math.floor(ns / 1e9);
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  if (seconds < 60) return duration(ns);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ${two((seconds / 60) % 60)}m`;
  return `${Math.floor(seconds / 86_400)}d ${two((seconds / 3600) % 24)}h`;
}

/** A count, as it is or in k, M, G, T, P or E. */
function count(n) {
  return scaled(n, COUNT_UNITS) ?? String(n);
}

/** A number with all its digits. */
function digits(n) {
  return Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** `part` of `whole` in percent; nothing is rounded to none or to all. */
function percent(part, whole) {
  if (!(whole > 0)) return "-";
  const share = (100 * part) / whole;
  if (part === 0) return "0%";
  if (share < 0.1) return "<0.1%";
  if (share < 9.95) return `${share.toFixed(1)}%`;
  if (part < whole && share >= 99.5) return ">99%";
  return `${Math.round(share)}%`;
}

/** A share in whole percent, for errors. */
function wholePercent(share) {
  const value = 100 * share;
  return value < 999.5 ? `${Math.round(value)}%` : ">999%";
}

/** A number of threads, with two digits or all before the point. */
function threads(n) {
  if (n === 0) return "0";
  if (n < 0.005) return "<0.01";
  return n.toFixed(threadDecimals(n));
}

/** An average number of threads, with three digits. */
function averageThreads(n) {
  if (n === 0) return "0";
  if (n < 0.0005) return "<.001";
  return n.toFixed(n < 0.0995 ? 3 : n < 9.995 ? 2 : n < 99.95 ? 1 : 0);
}

function threadDecimals(n) {
  return n < 0.995 ? 2 : n < 9.95 ? 1 : 0;
}

function plural(n, noun, nouns = `${noun}s`) {
  return `${count(n)} ${n === 1 ? noun : nouns}`;
}

/** What could break a line or steer the text's direction, escaped: a name is shown, never obeyed. */
function printable(text) {
  return text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** A path without what says only where a machine keeps it, as the text report's. */
function shortPath(path) {
  const crate = /^.+?[/\\]registry[/\\]src[/\\][^/\\]+[/\\]([^/\\]*-\d.*)$/s.exec(path);
  if (crate) return crate[1];
  const git = /^.+?[/\\]git[/\\]checkouts[/\\]([^/\\]+?)(?:-[^-/\\]+)?[/\\]([^/\\]+)[/\\](.*)$/s.exec(path);
  if (git) return `${git[1]}-${git[2]}/${git[3]}`;
  const std = /^(?:[/\\]rustc[/\\].*?|.*rustlib[/\\]src[/\\]rust[/\\])library[/\\](.*)$/s.exec(path);
  if (std) return std[1];
  return path.replace(/^\.\//, "");
}

/** The last part of a path. */
function fileName(path) {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** A place in four parts: `new@` or `first@`, the directories, the file, and `:line` with what follows. */
function pathParts(text) {
  const mark = /^(?:(?:new|first)@)?/.exec(text)[0];
  const file = fileName(text.slice(mark.length));
  const line = /(?::\d+)*$/.exec(file)[0];
  return [mark, text.slice(mark.length, text.length - file.length), file.slice(0, file.length - line.length), line];
}

/** Long names keep their begin and their end. */
function elide(text, most) {
  const letters = Array.from(text);
  if (letters.length <= most) return text;
  const front = Math.ceil((most - 1) / 2);
  return `${letters.slice(0, front).join("")}…${letters.slice(letters.length - (most - 1 - front)).join("")}`;
}
