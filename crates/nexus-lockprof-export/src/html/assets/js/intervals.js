// The page's own series of intervals at the endpoint, which no other reader shortens.

const SERIES_KEY = "lockprof-series";
/** When to ask again if a refusal does not say. */
const RETRY_MS = 60_000;

class OwnIntervals {
  constructor() {
    this.forget();
    // While a page is open, its name is kept nowhere else: the browser copies the storage for a tab made of this one, and two pages with one name
    // would take each other's intervals. A reload finds the name again, since an endpoint has few places.
    addEventListener("pagehide", () => this.put());
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.name = null;
    });
  }

  /** Forgets that it was refused: it is another program, or the user asks again. */
  forget() {
    this.refusal = null;
    this.silentUntil = 0;
  }

  /** The JSON of what happened since the last call, or null if there is none. The first covers everything since the start. */
  async pull() {
    if (Date.now() < this.silentUntil) return null;
    this.name ??= this.take() ?? freshName();
    try {
      const json = await askJson(`./snapshot?interval=${this.name}`);
      this.forget();
      return json;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.silentUntil = Date.now() + (error.retryAfter > 0 ? 1000 * error.retryAfter : RETRY_MS);
      this.refusal = error.line;
      return null;
    }
  }

  /** Why there is no interval, in a sentence; null if there is one. */
  words() {
    return this.refusal === null ? null
      : `This page has no interval of its own: ${this.refusal}. Below is everything since the start or the last reset; the page asks again at ${clock(new Date(this.silentUntil))}.`;
  }

  take() {
    // A browser may forbid storage. Then each load of the page has a name of its own.
    try {
      const name = sessionStorage.getItem(SERIES_KEY);
      sessionStorage.removeItem(SERIES_KEY);
      return name;
    } catch {
      return null;
    }
  }

  put() {
    if (this.name === null) return;
    try { sessionStorage.setItem(SERIES_KEY, this.name); } catch { /* forbidden */ }
  }
}

function freshName() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
