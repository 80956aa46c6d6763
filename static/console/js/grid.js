// What the waterfall shows and where: rows, the active one, the selected one, the window of time.
import { inspect } from "#sb/inspector";
import { drawMinimap } from "#sb/minimap";
import { outline } from "#sb/outline";
import { drawAxis } from "#sb/parts";
import { stepsText } from "#sb/rows";
import { gaps, Scale } from "#sb/scale";
import { failed } from "#sb/trace";

const SQUEEZE_FROM = 0.6;
const END_PX = 14;
const BEYOND = 0.04; // of a run that lives, so that its end is seen to move

export class TraceGrid extends HTMLElement {
  scale = new Scale();
  view = { open: new Set(), text: "", errorsOnly: false, children: new Map() };
  rows = [];
  active = 0;
  selected = null;
  idle = null;

  get row() { return this.rows[this.active]; }

  idOf(key) { return key ? `${this.trace.id}/${key}` : this.trace.id; }

  /** Reads the trace again into rows and time, and draws. */
  update(changes = {}) {
    Object.assign(this.view, changes);
    const held = this.row?.id;
    this.rows = outline(this.trace, this.view);
    const at = this.rows.findIndex((row) => row.id === held);
    this.active = at >= 0 ? at : Math.min(this.active, this.rows.length - 1);
    const end = this.trace.end();
    const found = gaps(this.trace, this.view.children, end);
    this.squeezes = this.idle ?? found.reduce((sum, gap) => sum + gap.end - gap.start, 0) > end * SQUEEZE_FROM;
    this.scale.setDomain(end, this.squeezes ? found : [], this.trace.final ? 0 : BEYOND);
    this.ui.body.style.setProperty("--height", `${this.rows.length * this.rowHeight}px`);
    this.ui.scroll.setAttribute("aria-rowcount", this.rows.length);
    this.ui.count.textContent = stepsText(this.trace);
    this.ui.press("idle", this.squeezes, found.length > 0);
    this.ui.press("errors", this.view.errorsOnly, this.view.errorsOnly || this.trace.steps.some(failed));
    this.frame(true);
  }

  /** Draws once before the next paint. `full` also when only time or scale changed. */
  frame(full = false) {
    this.full ||= full;
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      const { scale, active, selected, rowHeight: height } = this;
      if (this.full) {
        drawAxis(this.ui.ticks, scale);
        drawMinimap(this.ui.minimap, this.trace, scale, scale.width, this.ui.minimapHeight);
      }
      this.pool.render(this.rows, { height, scale, now: this.trace.now(), active, selected, full: this.full });
      this.full = false;
      this.ui.scroll.setAttribute("aria-activedescendant", `row-${active}`);
    });
  }

  resize() {
    const style = getComputedStyle(this);
    this.rowHeight = parseInt(style.getPropertyValue("--row"), 10);
    this.scale.width = Math.max(40, this.ui.ticks.clientWidth - END_PX);
    this.ui.minimapHeight = this.ui.minimap.clientHeight;
    this.pool.drawn = [];
    this.update();
  }

  page() { return Math.max(1, Math.floor(this.ui.scroll.clientHeight / this.rowHeight) - 1); }

  trackX(clientX) { return clientX - this.ui.ticks.getBoundingClientRect().left; }

  /** Makes row `index` the active one, brings it into view and shows it in the inspector if that is open. */
  go(index) {
    this.active = Math.max(0, Math.min(index, this.rows.length - 1));
    const { scroll } = this.ui;
    const top = this.active * this.rowHeight;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + this.rowHeight > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + this.rowHeight - scroll.clientHeight;
    this.frame();
    clearTimeout(this.settling);
    if (this.selected !== null) this.settling = setTimeout(() => this.select(this.active, { push: false }), 120);
  }

  /** Opens the inspector on row `index`. */
  select(index, options = {}) {
    const row = this.rows[index];
    if (!row || row.kind === "group") return row && this.toggle(index);
    this.active = index;
    this.selected = row.id;
    this.frame();
    const url = this.dataset.trace.replace(this.trace.id, row.trace.id).replace(/trace$/, "inspector");
    return inspect(row.step.key, { url, attempt: row.number, ...options });
  }

  /** Opens what hides the row `id` and scrolls to it. Returns its index. */
  reveal(id) {
    const group = outline(this.trace, this.view).find((row) => row.kind === "group" && row.members.some((step) => `${row.trace.id}/${step.key}` === id));
    if (group) this.view.open.add(group.id);
    this.update();
    const index = this.rows.findIndex((row) => row.id === id);
    if (index >= 0) {
      this.active = index;
      this.ui.scroll.scrollTop = Math.max(0, (index - 4) * this.rowHeight);
      this.frame();
    }
    return index;
  }

  async openInspector() {
    await this.select(this.active);
    document.getElementById("inspector").focus();
  }

  nextFailure(direction) {
    for (let index = this.active + direction; index >= 0 && index < this.rows.length; index += direction) {
      if (this.rows[index].kind !== "run" && failed(this.rows[index].step)) return this.go(index);
    }
  }

  openAll(open) {
    for (const row of this.rows) if (row.expandable && row.kind !== "run" && !row.step.child) open ? this.view.open.add(row.id) : this.view.open.delete(row.id);
    this.update();
  }

  focusFilter() { this.ui.filter.focus(); }
  zoom(factor, px) { this.scale.zoom(factor, px); this.frame(true); }
  pan(px) { this.scale.pan(px); this.frame(true); }
  show(from, span) { this.scale.show(from, span); this.frame(true); }
  fit() { this.scale.fit(); this.frame(true); }

  fitRow() {
    const bars = this.row?.step.bars ?? [];
    if (bars.length) this.scale.fitTo(bars[0].start + this.row.shift, (bars.at(-1).end ?? this.trace.now()) + this.row.shift);
    this.frame(true);
  }
}
