// Keeps what a running run uses, and how far it is, as the server tells it: it tells so without a bell.
import { replaceParts } from "#sb/shell";

const TOLD_MS = 1_000;
const QUIET_MS = 3_000; // while there is nothing to show

async function look() {
  const place = document.querySelector("[data-usage]");
  if (place && !document.hidden) {
    const answer = await fetch(place.dataset.usage).catch(() => null);
    if (answer?.ok) replaceParts(await answer.text());
  }
  if (place) plan();
}

function plan() {
  setTimeout(look, document.querySelector("[data-part='usage']:not([hidden])") ? TOLD_MS : QUIET_MS);
}

plan();
