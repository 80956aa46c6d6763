// The whole run in 30 pixels: how much executes when, failures on top, and the window that is zoomed to.
import { ACTIVE, failed } from "#sb/trace";

const COLUMN_PX = 2;

export function drawMinimap(canvas, trace, scale, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const paint = canvas.getContext("2d");
  paint.setTransform(ratio, 0, 0, ratio, 0, 0);
  paint.clearRect(0, 0, width, height);
  const colours = getComputedStyle(canvas);
  const { counts, broken } = columns(trace, scale, width);
  const most = Math.max(1, ...counts);
  paint.fillStyle = colours.getPropertyValue("--minimap-fill");
  counts.forEach((number, column) => {
    const tall = number ? Math.max(3, (number / most) * (height - 8)) : 0;
    paint.fillRect(column * COLUMN_PX, height - tall, COLUMN_PX - 0.5, tall);
  });
  paint.fillStyle = colours.getPropertyValue("--minimap-failed");
  broken.forEach((column) => paint.fillRect(column * COLUMN_PX - 0.5, 1, COLUMN_PX + 1, 4));
  drawWindow(paint, colours, scale, width, height);
}

function columns(trace, scale, width) {
  const size = Math.ceil(width / COLUMN_PX);
  const counts = new Array(size).fill(0);
  const broken = new Set();
  const now = trace.now();
  const column = (us) => Math.min(size - 1, Math.max(0, Math.floor(((scale.virtual(us) / scale.total) * width) / COLUMN_PX)));
  for (const step of trace.steps) {
    for (const bar of step.bars) {
      if (!ACTIVE.has(bar.phase) && bar.phase !== "child") continue;
      const last = column(bar.end ?? now);
      for (let at = column(bar.start); at <= last; at++) counts[at]++;
    }
    if (failed(step) && step.bars.length) broken.add(column(step.bars.at(-1).end ?? now));
  }
  return { counts, broken };
}

function drawWindow(paint, colours, scale, width, height) {
  if (scale.fitted) return;
  const left = (scale.from / scale.total) * width;
  const right = (scale.to / scale.total) * width;
  paint.fillStyle = colours.getPropertyValue("--minimap-veil");
  paint.fillRect(0, 0, left, height);
  paint.fillRect(right, 0, width - right, height);
  paint.strokeStyle = colours.getPropertyValue("--minimap-edge");
  paint.lineWidth = 1.5;
  paint.strokeRect(left + 0.75, 0.75, Math.max(right - left - 1.5, 2), height - 1.5);
}

/** Dragging on the minimap brushes a window; a click centres the one there is. */
export function brush(canvas, grid) {
  canvas.addEventListener("pointerdown", (event) => {
    const box = canvas.getBoundingClientRect();
    const start = event.clientX - box.left;
    canvas.setPointerCapture(event.pointerId);
    const at = (px) => (Math.max(0, Math.min(px, box.width)) / box.width) * grid.scale.total;
    const move = (moved) => {
      const now = moved.clientX - box.left;
      if (Math.abs(now - start) < 4) return;
      const [a, b] = [at(Math.min(start, now)), at(Math.max(start, now))];
      grid.show(a, Math.max(b - a, grid.scale.width));
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("lostpointercapture", (ended) => {
      canvas.removeEventListener("pointermove", move);
      if (Math.abs(ended.clientX - box.left - start) < 4) grid.show(at(start) - (grid.scale.to - grid.scale.from) / 2, grid.scale.to - grid.scale.from);
    }, { once: true });
  });
}
