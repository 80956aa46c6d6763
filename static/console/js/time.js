// Moments as "3 m ago" and running clocks, ticked together while the page is visible.
import { ago, duration } from "#sb/format";

const wall = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function tickAll() {
  const now = Date.now();
  for (const element of document.querySelectorAll("time.time")) {
    const date = new Date(element.dateTime);
    if (!element.title) element.title = `${wall.format(date)} ${zone}\n${date.toISOString()}`;
    set(element, ago(date, now));
  }
  for (const element of document.querySelectorAll(".elapsed[data-since]")) {
    set(element, duration(Math.max(0, Math.round((now - Date.parse(element.dataset.since)) / 1000)) * 1e6 || 1));
  }
  for (const element of document.querySelectorAll("time.until")) {
    const date = new Date(element.dateTime);
    if (!element.title) element.title = `${date.toISOString()}`;
    set(element, until(date, now));
  }
  for (const element of document.querySelectorAll("time.log-time:not([title])")) {
    element.title = `${wall.format(new Date(element.dateTime))} ${zone}`;
  }
}

/** `Mon 09:00:00, in 2 d 4 h`; the day is left out when it is today. */
function until(date, now) {
  const left = Math.ceil((date.getTime() - now) / 1000);
  const day = date.toDateString() === new Date(now).toDateString() ? "" : `${weekday.format(date)} `;
  return `${day}${clock.format(date)}, ${left > 0 ? `in ${duration(left * 1e6)}` : "now"}`;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

setInterval(() => { if (!document.hidden) tickAll(); }, 1000);
document.addEventListener("visibilitychange", tickAll);
document.addEventListener("htmx:afterSwap", tickAll);
tickAll();
