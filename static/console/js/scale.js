// Time to pixels. Idle stretches may be squeezed: time is then piecewise linear.
import { ACTIVE } from "#sb/trace";

const GAP_PX = 30;
const TICK_PX = 110;
const CHILD_US = 6e7;

export class Scale {
  width = 1;
  end = 1;
  gaps = [];
  fitted = true;

  /** What is drawn: 0 to `end` microseconds and a share `beyond` of it, with `gaps` [{start, end}] squeezed. */
  setDomain(end, gaps, beyond = 0) {
    this.end = Math.max(end, 1);
    this.gaps = gaps;
    const idle = gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0);
    const active = Math.max(this.end - idle, 1);
    const share = Math.min(0.5, (gaps.length * GAP_PX) / Math.max(this.width, 1));
    const total = active / (1 - share);
    this.squeezed = gaps.length ? (total - active) / gaps.length : 0;
    this.total = total * (1 + beyond);
    if (this.fitted) [this.from, this.to] = [0, this.total];
  }

  virtual(us) {
    let cut = 0;
    for (const gap of this.gaps) {
      if (us <= gap.start) break;
      const inside = Math.min(us, gap.end) - gap.start;
      cut += inside - (inside / (gap.end - gap.start)) * this.squeezed;
    }
    return us - cut;
  }

  real(virtual) {
    let us = virtual;
    for (const gap of this.gaps) {
      if (us <= gap.start) break;
      const length = gap.end - gap.start;
      us += us < gap.start + this.squeezed ? (us - gap.start) * (length / this.squeezed - 1) : length - this.squeezed;
    }
    return us;
  }

  x(us) {
    return ((this.virtual(us) - this.from) / (this.to - this.from)) * this.width;
  }

  us(px) {
    return this.real(this.from + (px / this.width) * (this.to - this.from));
  }

  /** Zooms about the pixel `px`; at most one pixel is a microsecond. */
  zoom(factor, px = this.width / 2) {
    const anchor = this.from + (px / this.width) * (this.to - this.from);
    const span = Math.min(this.total, Math.max(this.width, (this.to - this.from) / factor));
    this.show(anchor - (px / this.width) * span, span);
  }

  pan(px) {
    const span = this.to - this.from;
    this.show(this.from + (px / this.width) * span, span);
  }

  fit() {
    this.fitted = true;
    [this.from, this.to] = [0, this.total];
  }

  fitTo(start, end) {
    const [a, b] = [this.virtual(start), this.virtual(end)];
    const span = Math.min(this.total, Math.max((b - a) * 1.25, this.width));
    this.show((a + b - span) / 2, span);
  }

  show(from, span) {
    this.from = Math.max(0, Math.min(from, this.total - span));
    this.to = this.from + span;
    this.fitted = span >= this.total * 0.9999;
  }

  /** Ticks in view: [{us, step}], at 1, 2 or 5 times a power of ten, or at whole minutes, hours and days. */
  ticks() {
    const slope = this.width / (this.to - this.from);
    const step = nice(TICK_PX / slope);
    const ticks = [];
    const [left, right] = [this.us(0), this.us(this.width)];
    let start = 0;
    for (const gap of [...this.gaps, { start: this.end, end: this.end }]) {
      const [a, b] = [Math.max(start, left), Math.min(gap.start, right)];
      for (let us = Math.ceil(a / step) * step; us <= b; us += step) ticks.push({ us, step });
      start = gap.end;
    }
    return ticks;
  }
}

function nice(us) {
  for (const seconds of [86400, 21600, 3600, 900, 300, 60].toReversed()) {
    if (us > 3e7 && us <= seconds * 1e6) return seconds * 1e6;
  }
  if (us > 8.64e10) return Math.ceil(us / 8.64e10) * 8.64e10;
  const power = 10 ** Math.floor(Math.log10(Math.max(us, 1)));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= us);
}

/** Stretches in which nothing executes, longer than 4 % of the whole and two seconds. */
export function gaps(trace, children, end) {
  const least = Math.max(end * 0.04, 2e6);
  const busy = trace.steps.length ? [] : [[0, end]];
  collect(busy, trace, children, 0, end);
  busy.sort((a, b) => a[0] - b[0]);
  const found = [];
  let reached = 0;
  for (const [start, stop] of [...busy, [end, end]]) {
    if (start - reached > least) found.push({ start: reached, end: start });
    reached = Math.max(reached, stop);
  }
  return found;
}

// A child that is not loaded counts as work unless it takes long: then it may well be asleep.
function collect(busy, trace, children, shift, end) {
  for (const step of trace.steps) {
    const child = step.child && children.get(step.child);
    if (child) collect(busy, child, children, shift + child.t0 - trace.t0, end);
    for (const bar of step.bars) {
      const [start, stop] = [bar.start + shift, bar.end === null ? end : bar.end + shift];
      const works = ACTIVE.has(bar.phase) || (bar.phase === "child" && !child && stop - start < CHILD_US);
      if (works) busy.push([start, stop]);
    }
  }
}
