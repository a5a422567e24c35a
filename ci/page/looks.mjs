// What a page looks like: nothing is too wide, on top of something else, or hard to read.
import assert from "node:assert/strict";

/** The page itself does not scroll sideways. */
export async function fits(page, width) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= width, `the page is ${wide} wide at ${width}`);
}

/** Pairs of cells, names and paragraphs whose texts overlap. */
export function overprinted(page) {
  return page.evaluate(() => {
    const texts = [...document.querySelectorAll("#waiters p, #waiters span, #potential p, #potential ul li, .said, .ends span, tr.row > td, tr.point > td, .detail h3, .detail figcaption, .detail dl > div, .detail li > span, #findings p, #findings .figure, th button")];
    const boxes = texts.filter((e) => e.checkVisibility() && e.textContent !== "").map((e) => {
      const range = document.createRange();
      range.selectNodeContents(e);
      return [e.textContent.slice(0, 30), range.getBoundingClientRect()];
    });
    const found = [];
    boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
      const [wide, high] = [Math.min(p.right, q.right) - Math.max(p.left, q.left), Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top)];
      if (wide > 2 && high > 4) found.push(`${a} | ${b}`);
    }));
    return found;
  });
}

/** Texts with a contrast to their background below WCAG's 4.5. */
export function faint(page) {
  return page.evaluate(() => {
    const rgb = (text) => text.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => {
      const c = [r, g, b][i] / 255;
      return sum + part * (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    }, 0);
    const behind = (e) => {
      for (let at = e; at; at = at.parentElement) {
        const [r, g, b, alpha = 1] = rgb(getComputedStyle(at).backgroundColor);
        if (alpha > 0) return [r, g, b];
      }
      return [255, 255, 255];
    };
    const found = new Set();
    for (const e of document.querySelectorAll("body *")) {
      if (!e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim())) continue;
      if (e.closest("svg, canvas, noscript, .d3-flame-graph-label, .skip")) continue;
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
      if ((a + 0.05) / (b + 0.05) < 4.5) found.add(`${e.textContent.slice(0, 30)}: ${((a + 0.05) / (b + 0.05)).toFixed(1)}`);
    }
    return [...found];
  });
}
