// A pool of row elements for the part of the list that is in view; row n always uses element n % size.
import { drawBars } from "#sb/bars";
import { count, duration } from "#sb/format";
import { failed, length } from "#sb/trace";

const OVERSCAN = 6;
const TOLD = ["failed", "timed_out", "lost", "retrying", "running", "queued", "waiting", "sleeping", "cancelled"];
const GLYPHS = document.documentElement.dataset.glyphs;
const ICONS = document.documentElement.dataset.icons;

export class RowPool {
  constructor(scroller, body) {
    Object.assign(this, { scroller, body, elements: [], drawn: [] });
  }

  /** Puts the rows in view on screen. `full` draws also those whose row did not change (zoom, clock). */
  render(rows, { height, scale, now, active, selected, full }) {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / height) - OVERSCAN);
    const last = Math.min(rows.length, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / height) + OVERSCAN);
    this.resize(Math.min(rows.length, Math.ceil(this.scroller.clientHeight / height) + 2 * OVERSCAN + 1));
    for (let index = first; index < last; index++) {
      const slot = index % this.elements.length;
      const element = this.elements[slot];
      const row = rows[index];
      const key = `${index} ${row.id} ${row.open} ${row.trace.version}`;
      if (this.drawn[slot] !== key) {
        this.drawn[slot] = key;
        fill(element, row, index, height);
        full = true;
      }
      element.hidden = false;
      element.setAttribute("aria-selected", String(row.id === selected));
      element.toggleAttribute("data-active", index === active);
      if (full || element.dataset.drawn !== key) drawRow(element, row, scale, now);
      element.dataset.drawn = key;
    }
    this.elements.forEach((element, slot) => {
      const index = Number(element.dataset.index);
      if (!(index >= first && index < last)) {
        element.hidden = true;
        this.drawn[slot] = "";
      }
    });
  }

  resize(size) {
    if (size === this.elements.length) return;
    while (this.elements.length > size) this.elements.pop().remove();
    while (this.elements.length < size) {
      const element = document.createElement("div");
      element.append(...rowParts());
      this.elements.push(element);
      this.body.append(element);
    }
    this.drawn = [];
  }
}

function rowParts() {
  const template = document.createElement("template");
  // Constant markup: nothing of a run is in it.
  template.innerHTML = `<div class="row-name" role="gridcell"><span class="row-toggle"><svg class="icon" aria-hidden="true"><use/></svg></span>
    <svg class="glyph" aria-hidden="true"><use/></svg><span class="row-label"></span><span class="row-about mono"></span><span class="row-badge"></span><span class="row-duration mono"></span></div>
    <div class="row-track" role="gridcell"><span class="bar-note" hidden></span></div>`;
  template.content.querySelectorAll("use")[0].setAttribute("href", `${ICONS}#chevron-right`);
  return template.content.children;
}

function fill(element, row, index, height) {
  const { step, kind } = row;
  const [name] = element.children;
  const [toggle, glyph, label, about, badge] = name.children;
  element.className = "row";
  element.id = `row-${index}`;
  element.dataset.index = index;
  element.dataset.kind = kind;
  element.dataset.status = step.status;
  element.setAttribute("role", "row");
  element.setAttribute("aria-level", row.depth + 1);
  element.setAttribute("aria-rowindex", index + 1);
  element.style.setProperty("--top", `${index * height}px`);
  element.style.setProperty("--depth", row.depth);
  if (row.expandable) element.setAttribute("aria-expanded", String(row.open));
  else element.removeAttribute("aria-expanded");
  toggle.toggleAttribute("data-none", !row.expandable);
  glyph.dataset.status = step.status;
  glyph.firstElementChild.setAttribute("href", `${GLYPHS}#${step.status}`);
  label.textContent = row.label;
  label.title = row.label;
  about.textContent = row.about ?? "";
  about.title = about.textContent;
  badge.textContent = badgeText(row);
  badge.hidden = !badge.textContent;
  badge.toggleAttribute("data-failed", kind === "group" && row.members.some(failed));
}

function drawRow(element, row, scale, now) {
  const [name, track] = element.children;
  const { step, kind } = row;
  const took = kind === "group" ? spread(row.members, now - row.shift) : length(step, now - row.shift);
  const text = step.bars[0]?.phase === "reused" ? "" : duration(took);
  if (name.lastElementChild.textContent !== text) name.lastElementChild.textContent = text;
  const said = `${row.label}${row.about ? ` ${row.about}` : ""}, ${kind}, ${step.status.replace("_", " ")}${step.attempts > 1 ? `, ${step.attempts} attempts` : ""}, ${text}`;
  if (name.getAttribute("aria-label") !== said) name.setAttribute("aria-label", said);
  drawBars(track, row, scale, now);
}

function badgeText({ kind, step, members }) {
  if (kind === "group") return `×${members.length}${tally(members)}`;
  return kind === "step" && step.attempts > 1 ? `${step.attempts}×` : "";
}

/** How many members are not simply completed, the worst first. */
function tally(members) {
  const counts = new Map();
  for (const { status } of members) counts.set(status, (counts.get(status) ?? 0) + 1);
  return TOLD.filter((status) => counts.has(status)).map((status) => ` · ${counts.get(status)} ${status.replace("_", " ")}`).join("");
}

function spread(members, now) {
  const starts = members.flatMap((step) => step.bars.slice(0, 1).map((bar) => bar.start));
  const ends = members.flatMap((step) => step.bars.slice(-1).map((bar) => bar.end ?? now));
  return starts.length ? Math.max(...ends) - Math.min(...starts) : 0;
}

export function stepsText(trace) {
  return count(trace.steps.length, "step");
}
