// What every page does: theme, copy, confirm-again, toasts, the connection pill, parts that change.
import "#sb/time";

const ARMED_MS = 4000;
const TOAST_MS = 7000;
const root = document.documentElement;
root.classList.add("scripted");

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  const link = event.target.closest("[data-copy-link]");
  if (copy) put(copy, copy.dataset.copy);
  if (link) put(link, location.href);
  event.target.closest(".toast-close")?.parentElement.remove();
});

async function put(button, text) {
  await navigator.clipboard.writeText(text);
  button.setAttribute("data-done", "");
  toast("Copied.");
  setTimeout(() => button.removeAttribute("data-done"), 1500);
}

// Forms with data-confirm are sent by the second click within four seconds.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = form.querySelector("button:not([type='button'])");
  if (form.matches(".theme")) return chooseTheme(event);
  if (!form.dataset.confirm || button.hasAttribute("data-armed")) return undefined;
  event.preventDefault();
  arm(form, button);
  return undefined;
});

function arm(form, button) {
  const word = button.querySelector(".button-word") ?? button.lastChild;
  const before = word.textContent;
  button.setAttribute("data-armed", "");
  word.textContent = form.dataset.confirm;
  setTimeout(() => {
    button.removeAttribute("data-armed");
    word.textContent = before;
  }, ARMED_MS);
}

function chooseTheme(event) {
  event.preventDefault();
  const form = event.target;
  const chosen = event.submitter.value;
  root.dataset.theme = chosen;
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === chosen));
  const body = new FormData(form);
  body.set("theme", chosen);
  fetch(form.action, { method: "POST", body, redirect: "manual" });
  document.dispatchEvent(new CustomEvent("sb:theme"));
}

document.addEventListener("change", (event) => event.target.closest("[data-autosubmit]")?.requestSubmit());

document.addEventListener("sb:live", ({ detail }) => {
  const pill = document.getElementById("live");
  if (!pill) return;
  pill.hidden = false;
  pill.dataset.state = detail;
  const word = pill.querySelector(".live-word");
  word.textContent = detail.charAt(0).toUpperCase() + detail.slice(1);
  if (detail === "signed out") word.append(": ", signIn());
});

/** The same page again: the server asks who it is, and comes back here. */
function signIn() {
  return Object.assign(document.createElement("a"), { href: location.href, textContent: "sign in" });
}

export function toast(text, level = "success", place = document.getElementById("toasts")) {
  const element = document.createElement("div");
  element.className = "toast";
  element.dataset.level = level;
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  element.append(paragraph);
  place.append(element);
  setTimeout(() => element.remove(), TOAST_MS / 3);
}

/** Puts the parts of freshly served HTML in place of those on the page that differ. */
export function replaceParts(html) {
  const served = new DOMParser().parseFromString(html, "text/html");
  for (const part of served.querySelectorAll("[data-part]")) {
    const shown = document.querySelector(`[data-part="${part.dataset.part}"]`);
    const same = shown?.dataset.served ? shown.dataset.served === digest(part) : false;
    if (!shown || same || shown.contains(document.activeElement) || shown.querySelector("[data-armed]")) continue;
    part.dataset.served = digest(part);
    shown.replaceWith(part);
    unhide(part);
  }
}

function digest(part) {
  return part.innerHTML.replaceAll(/value="[^"]{60,}"/g, "");
}

/** Shows what needs script to be of use. */
export function unhide(scope) {
  for (const element of scope.querySelectorAll("[data-copy], [data-copy-link], [data-sheet-toggle]")) element.hidden = false;
}

unhide(document);
document.addEventListener("htmx:afterSwap", (event) => unhide(event.detail.target));
document.addEventListener("htmx:responseError", () => toast("That could not be loaded. Try again.", "error"));
for (const element of document.querySelectorAll(".toast[data-level='success']")) setTimeout(() => element.remove(), TOAST_MS);
