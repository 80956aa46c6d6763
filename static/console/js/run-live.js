// Keeps the head of the run page as the server tells it, and the title and a sentence for those who listen.
import { replaceParts } from "#sb/shell";

const LEAST_MS = 600;
const run = document.querySelector("sb-waterfall");
let last = 0;
let planned = null;

document.addEventListener("sb:changed", () => {
  planned ??= setTimeout(load, Math.max(0, last + LEAST_MS - Date.now()));
});

async function load() {
  planned = null;
  last = Date.now();
  const answer = await fetch(run.dataset.trace.replace(/trace$/, "head"));
  if (!answer.ok) return;
  replaceParts(await answer.text());
  const status = document.querySelector("[data-part='status']").textContent.trim();
  const name = document.querySelector(".head-title").textContent;
  document.title = `${name} · ${status} · Signalbox`;
}
