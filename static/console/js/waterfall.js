// <sb-waterfall>: the trace of a run as a tree grid beside a time axis. Upgrades the table it is served with.
import { close, isOpen, refresh, tab } from "#sb/inspector";
import { TraceGrid } from "#sb/grid";
import { handleKey } from "#sb/grid-keys";
import { read } from "#sb/feed";
import { addChild, follow } from "#sb/follow";
import { live } from "#sb/live";
import { brush } from "#sb/minimap";
import { build, unreadable } from "#sb/parts";
import { followInspector, openNamed } from "#sb/permalink";
import { RowPool } from "#sb/rows";
import { toast } from "#sb/shell";
import { Trace } from "#sb/trace";
import { gestures } from "#sb/zoom";

const INSPECTOR_KEYS = { o: "output", i: "input", l: "logs", m: "attempts" };
const CLOCK_MS = 250;
const GRACE_MS = 10000; // late logs and steps

class SbWaterfall extends TraceGrid {
  async connectedCallback() {
    const inline = this.querySelector("script[type='application/json']");
    this.setAttribute("aria-busy", "true");
    try {
      this.trace = new Trace(inline ? JSON.parse(inline.textContent) : await read(this.dataset.trace));
    } catch {
      return unreadable(this);
    } finally {
      this.removeAttribute("aria-busy");
    }
    this.ui = build(this);
    this.pool = new RowPool(this.ui.scroll, this.ui.body);
    this.resize();
    this.listen();
    await openNamed(this);
    this.clock();
    if (this.trace.final) live.show("finished");
    else follow(this, this.trace);
    return undefined;
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  changed(trace, keys) {
    this.update();
    if (trace.final) setTimeout(() => live.release(`run:${trace.id}`), GRACE_MS);
    if (trace !== this.trace) return;
    const shown = new URLSearchParams(location.search).get("step");
    if (shown !== null && (keys.includes(shown) || (shown === "" && trace.final))) refresh();
    this.dispatchEvent(new CustomEvent("sb:changed", { bubbles: true, detail: { final: trace.final } }));
  }

  listen() {
    const { scroll, axis, minimap, filter, tools } = this.ui;
    new ResizeObserver(() => this.resize()).observe(this.ui.axis);
    scroll.addEventListener("scroll", () => this.frame(), { passive: true });
    scroll.addEventListener("keydown", (event) => this.onKey(event));
    scroll.addEventListener("click", (event) => this.onClick(event));
    filter.addEventListener("input", () => this.update({ text: filter.value.trim().toLowerCase() }));
    filter.addEventListener("keydown", (event) => { if (event.key === "Escape" || event.key === "Enter") scroll.focus(); });
    tools.addEventListener("click", (event) => this.press(event.target.closest("[data-tool]")?.dataset.tool));
    document.addEventListener("click", (event) => this.onLink(event));
    document.addEventListener("keydown", (event) => this.onPageKey(event));
    followInspector(this);
    gestures(this, scroll, axis);
    brush(minimap, this);
  }

  /** While the run lives its bars and durations grow, when somebody can see it. */
  clock() {
    this.timer = setInterval(() => {
      const open = [this.trace, ...this.view.children.values()].some((trace) => !trace.final);
      if (!open) clearInterval(this.timer);
      else if (!document.hidden) this.update();
    }, CLOCK_MS);
  }

  onKey(event) {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "Escape" && isOpen()) close();
    else if (plain && INSPECTOR_KEYS[event.key]) tab(INSPECTOR_KEYS[event.key]);
    else if (handleKey(event, this)) event.preventDefault();
  }

  /** From anywhere on the page but a field, `/` goes to the filter and an arrow into the rows. */
  onPageKey(event) {
    if (event.target !== document.body || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!["/", "ArrowDown", "ArrowUp", "j", "k", "f"].includes(event.key)) return;
    this.ui.scroll.focus();
    this.onKey(event);
  }

  onClick(event) {
    const element = event.target.closest(".row");
    if (!element) return;
    const index = Number(element.dataset.index);
    if (event.target.closest(".row-toggle")) this.toggle(index);
    else this.select(index, event.target.dataset.phase === "log" ? { tab: "logs" } : {});
  }

  onLink(event) {
    const link = event.target.closest("[data-step]");
    if (!link) return;
    event.preventDefault();
    const found = this.reveal(this.idOf(link.dataset.step));
    this.select(found, { tab: link.dataset.stepTab ?? "error" });
  }

  press(tool) {
    const actions = {
      in: () => this.zoom(1.5),
      out: () => this.zoom(1 / 1.5),
      fit: () => this.fit(),
      errors: () => this.update({ errorsOnly: !this.view.errorsOnly }),
      idle: () => {
        this.idle = !this.squeezes;
        this.scale.fitted = true;
        this.update();
      },
    };
    actions[tool]?.();
  }

  toggle(index) {
    const row = this.rows[index];
    if (!row?.expandable) return;
    const id = row.kind === "run" ? `closed:${row.id}` : row.id;
    if (!this.view.open.delete(id)) this.view.open.add(id);
    const child = row.kind === "step" && row.step.child;
    if (child && !this.view.children.has(child)) this.loadChild(child);
    this.update();
  }

  loadChild(id) {
    return addChild(this, id).catch(() => toast("The child run could not be loaded. Try again.", "error"));
  }
}

customElements.define("sb-waterfall", SbWaterfall);
