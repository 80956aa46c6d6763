// Keeps the head of the run page as the server tells it, and the title and a sentence for those who listen.
import { live } from "#sb/live";
import { replaceParts } from "#sb/shell";

const LEAST_MS = 600;
const head = document.querySelector("[data-head]");
let last = 0;
let planned = null;

document.addEventListener("sb:changed", () => {
  planned ??= setTimeout(load, Math.max(0, last + LEAST_MS - Date.now()));
});

async function load() {
  planned = null;
  last = Date.now();
  const answer = await fetch(head.dataset.head);
  if (answer.status === 404) return document.dispatchEvent(new CustomEvent("sb:gone"));
  if (!answer.ok) return undefined;
  replaceParts(await answer.text());
  const status = document.querySelector("[data-part='status']").textContent.trim();
  const name = document.querySelector(".head-title").textContent;
  document.title = `${name} · ${status} · Signalbox`;
  return undefined;
}

// The run was deleted while somebody looked at it: what is shown stays, and says so.
document.addEventListener("sb:gone", () => {
  const place = document.querySelector(".banner-place");
  const banner = document.createElement("div");
  const text = document.createElement("p");
  const way = document.createElement("a");
  banner.className = "banner";
  banner.dataset.kind = "blocked";
  text.textContent = "This run was deleted. What is shown here is no longer stored.";
  way.className = "banner-link";
  way.href = document.querySelector(".crumb").href;
  way.textContent = "Go to the runs";
  banner.append(text, way);
  place.replaceChildren(banner);
  live.show("deleted");
});
