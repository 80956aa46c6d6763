// The heat strip of a group: how many of its steps executed at a time, failures on top.
import { ACTIVE, failed } from "#sb/trace";

const BINS = 64;

/** Bars {phase: "density" | "failed", start, end, level: 1-4} over the extent of `members`. */
export function density(members, now) {
  const bars = members.flatMap((step) => step.bars.map((bar) => ({ ...bar, fatal: failed(step) && bar.end === step.bars.at(-1).end })))
    .filter((bar) => ACTIVE.has(bar.phase) || bar.phase === "child");
  if (!bars.length) return [];
  const start = Math.min(...bars.map((bar) => bar.start));
  const end = Math.max(...bars.map((bar) => bar.end ?? now), start + 1);
  const size = (end - start) / BINS;
  const counts = new Array(BINS).fill(0);
  const broken = new Array(BINS).fill(false);
  for (const bar of bars) {
    const first = Math.min(BINS - 1, Math.floor((bar.start - start) / size));
    const last = Math.min(BINS - 1, Math.floor(((bar.end ?? now) - start) / size));
    for (let bin = first; bin <= last; bin++) counts[bin]++;
    if (bar.fatal) broken[last] = true;
  }
  const most = Math.max(...counts);
  const strips = [];
  for (let bin = 0; bin < BINS; bin++) {
    if (!counts[bin]) continue;
    const level = Math.ceil((counts[bin] / most) * 4);
    const phase = broken[bin] ? "density-failed" : "density";
    const previous = strips.at(-1);
    const from = start + bin * size;
    if (previous?.phase === phase && previous.level === level && Math.abs(previous.end - from) < 1) previous.end = from + size;
    else strips.push({ phase, start: from, end: from + size, level });
  }
  return strips;
}
