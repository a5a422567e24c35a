// The page at a running program: looks again and again, and says when nobody answers.

const HISTORY_MS = 15 * 60 * 1000;
const PATIENCE_MS = 10_000;

class Live {
  /** `seen(json, interval)` is given each snapshot, and the page's own interval or null; `gone()` is called when there is none. */
  constructor(seen, gone) {
    Object.assign(this, { seen, gone });
    this.intervals = new OwnIntervals();
    this.paused = false;
    this.failing = null;
    this.engine = null;
    this.settingsChanged = 0;
    $("live").hidden = false;
    $("pause").addEventListener("click", () => this.pause());
    $("every").addEventListener("change", () => this.again());
    $("figures").addEventListener("change", () => {
      this.intervals.forget();
      this.again();
    });
    $("reset").addEventListener("click", () => this.reset());
    $("mode").addEventListener("change", () => this.configure());
    $("budget").addEventListener("change", () => this.configure());
    this.again();
  }

  /** Looks now, and from then on. Only one look at a time: a slow target is not asked twice. */
  async again() {
    clearTimeout(this.timer);
    if (this.looking) return;
    this.looking = true;
    await this.look();
    this.looking = false;
    if (!this.paused) this.timer = setTimeout(() => this.again(), Number($("every").value));
  }

  async look() {
    const changes = this.settingsChanged;
    try {
      const json = await askJson("./snapshot");
      if (this.engine !== json.engine) this.intervals.forget();
      const interval = $("figures").value === "interval" ? await this.intervals.pull() : null;
      // It was being changed meanwhile: what it says may be what was.
      if (changes === this.settingsChanged) this.showSettings(json.profiler_mode?.kind, json.profiler_mode?.budget);
      this.answered(json);
      this.note(this.intervals.words());
      this.seen(json, interval);
    } catch (error) {
      this.failed(error);
    }
  }

  answered(json) {
    if (this.failing) this.say(null);
    if (this.engine !== null && this.engine !== json.engine) this.say(`Another process answers now: pid ${json.pid}. Its numbers start at 0.`, 8000, "note");
    this.engine = json.engine;
    this.failing = null;
    this.status();
  }

  failed(error) {
    this.failing ??= new Date();
    const why = error.name === "TimeoutError" ? `no answer within ${PATIENCE_MS / 1000} s` : error.name === "TypeError" ? "no connection" : error.message;
    this.say(`The program stopped answering at ${clock(this.failing)} (${why}). Below are its last numbers; the page tries again every ${Number($("every").value) / 1000} s.`);
    this.status();
    this.gone();
  }

  status() {
    const state = this.failing ? "gone" : this.paused ? "paused" : "live";
    $("status").dataset.state = state;
    setText($("status"), this.failing ? `gone since ${clock(this.failing)}` : state);
  }

  /** Text that goes away after `ms`, if that is said; "bad" unless it is a "note". */
  say(text, ms = 0, kind = "bad") {
    clearTimeout(this.silence);
    $("alert").dataset.kind = kind;
    $("alert").hidden = text === null;
    setText($("alert"), text ?? "");
    if (ms) this.silence = setTimeout(() => this.say(null), ms);
  }

  /** Text that stays as long as it is true. */
  note(text) {
    $("note").hidden = text === null;
    setText($("note"), text ?? "");
  }

  pause() {
    this.paused = !this.paused;
    $("pause").setAttribute("aria-pressed", String(this.paused));
    setText($("pause"), this.paused ? "Resume" : "Pause");
    this.status();
    if (this.paused) clearTimeout(this.timer);
    else this.again();
  }

  /** Everybody who looks at this target starts anew: so it takes two clicks. */
  async reset() {
    const button = $("reset");
    if (!button.classList.contains("sure")) {
      button.classList.add("sure");
      setText(button, "Really reset?");
      this.unsure = setTimeout(() => this.notReset(), 4000);
      return;
    }
    clearTimeout(this.unsure);
    this.notReset();
    await this.change("./reset", null, "reset");
  }

  notReset() {
    $("reset").classList.remove("sure");
    setText($("reset"), "Reset");
  }

  async configure() {
    const mode = $("mode").value;
    const form = new URLSearchParams({ mode });
    if (mode === "sampled" && !$("budget-label").hidden && $("budget").value.trim()) form.set("budget", $("budget").value.trim());
    await this.change("./config", form, "change the mode");
  }

  async change(url, body, what) {
    this.settingsChanged += 1;
    try {
      const response = await ask(url, { method: "POST", body });
      if (response.status !== 204) {
        const { mode, budget } = await response.json();
        this.showSettings(mode, budget);
      }
      this.say(null);
      this.again();
    } catch (error) {
      this.say(`Could not ${what}: ${error.message}`, 8000);
    }
  }

  showSettings(mode, budget) {
    if (document.activeElement !== $("mode")) $("mode").value = mode ?? "off";
    $("budget-label").hidden = mode !== "sampled";
    if (budget !== undefined && document.activeElement !== $("budget")) $("budget").value = `${Number((100 * budget).toPrecision(6))}%`;
  }
}

/** What the endpoint refused, with its line. `retryAfter` is in seconds, 0 if it does not say. */
class Refused extends Error {
  constructor(response, line) {
    super(`${response.status}: ${line}`);
    this.line = line;
    this.retryAfter = Number(response.headers.get("retry-after") ?? 0);
  }
}

/** Fetches. Throws `Refused` if the endpoint refuses. */
async function ask(url, options) {
  const response = await fetch(url, { ...options, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) throw new Refused(response, printable((await response.text()).trim()).slice(0, 300));
  return response;
}

async function askJson(url) {
  const response = await ask(url, { headers: { Accept: "application/json" } });
  return response.json();
}

function clock(date) {
  return date.toLocaleTimeString([], { hour12: false });
}
