// Draws a row's bars into its track, reusing the elements that are there.
import { density } from "#sb/density";
import { duration } from "#sb/format";

const MARGIN_PX = 40;
const LEAST_PX = { reused: 10, queued: 0, backoff: 0 };
const NOTE_PX = 90;
const LOG_PX = 6;
const LOG_LEVELS = ["info", "warning", "error"];

/** Draws `row` at the scale; `now` is microseconds since the root was queued. */
export function drawBars(track, row, scale, now) {
  const bars = row.kind === "group" ? density(row.members, now - row.shift) : row.step.bars;
  let used = 0;
  let lastEnd = -Infinity;
  for (const bar of bars) {
    const left = scale.x(bar.start + row.shift);
    const right = scale.x(bar.end === null ? now : bar.end + row.shift);
    const width = Math.max(right - left, LEAST_PX[bar.phase] ?? 3);
    lastEnd = Math.max(lastEnd, left + width);
    if (left > scale.width + MARGIN_PX || left + width < -MARGIN_PX || width <= 0) continue;
    place(element(track, used++), bar, Math.max(left, -MARGIN_PX), Math.min(left + width, scale.width + MARGIN_PX));
  }
  used = drawLogs(track, used, row, scale);
  while (track.children.length - 1 > used) track.children[used].remove();
  drawNote(track.lastElementChild, row, lastEnd, scale, now);
}

/** A mark for each line logged; those that would overlap are one, of the worst level. Returns how many elements are used. */
function drawLogs(track, used, row, scale) {
  let last = null;
  for (const [us, level] of row.step.logs) {
    const left = scale.x(us + row.shift) - LOG_PX / 2;
    if (left < -MARGIN_PX || left > scale.width + MARGIN_PX) continue;
    if (last && left - last.left < LOG_PX) {
      last.level = Math.max(last.level, level);
      last.element.dataset.level = LOG_LEVELS[last.level];
      continue;
    }
    last = { left, level, element: element(track, used++) };
    place(last.element, { phase: "log", level: LOG_LEVELS[level], end: 0 }, left, left + LOG_PX);
  }
  return used;
}

function element(track, index) {
  if (index < track.children.length - 1) return track.children[index];
  const bar = document.createElement("i");
  bar.className = "bar";
  track.insertBefore(bar, track.lastElementChild);
  return bar;
}

function place(element, bar, left, right) {
  element.dataset.phase = bar.phase;
  element.toggleAttribute("data-open", bar.end === null);
  element.toggleAttribute("data-thin", right - left < 6);
  element.toggleAttribute("data-wide", right - left > 16);
  if (bar.level) element.dataset.level = bar.level;
  else delete element.dataset.level;
  element.style.setProperty("--left", `${left.toFixed(2)}px`);
  element.style.setProperty("--width", `${(right - left).toFixed(2)}px`);
}

function drawNote(note, row, end, scale, now) {
  const text = noteText(row, now);
  const fits = text && end > 0 && end < scale.width - NOTE_PX;
  note.hidden = !fits;
  if (!fits) return;
  if (note.textContent !== text) note.textContent = text;
  note.style.setProperty("--left", `${(end + 7).toFixed(2)}px`);
  note.style.setProperty("--width", `${(scale.width - end - 12).toFixed(2)}px`);
}

function noteText({ step, kind, trace }, now) {
  if (kind === "run" || kind === "attempt" || step.group) return "";
  const last = step.bars.at(-1);
  if (last?.phase === "reused") return "reused";
  if (last?.phase === "backoff" && last.end === null) return "waits to retry";
  if (step.op === "sleep" && last?.end === null && step.note) {
    const left = Date.parse(step.note) * 1000 - trace.t0 - now;
    return left > 0 ? `wakes in ${duration(left)}` : "wakes now";
  }
  return step.op === "sleep" ? "" : step.note;
}
