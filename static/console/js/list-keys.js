// The keys of lists: rows by j and k, search by /, pages by [ and ], other lists by g and a letter, a sheet by ?.
const OFF = "sb-single-keys-off";
const PLACES = { r: "/runs", e: "/events", f: "/functions" };
const SECOND_KEY_MS = 1500;
const sheet = document.getElementById("keys");
const wanted = sheet.querySelector("[data-single-keys]");
const opener = document.querySelector("[data-open-keys]");
let first = null;

if (opener) {
  opener.hidden = false;
  opener.addEventListener("click", () => sheet.showModal());
}

wanted.checked = localStorage.getItem(OFF) === null;
wanted.addEventListener("change", () => (wanted.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || sheet.open || isTyping(event.target)) return;
  const action = first === "g" ? go(event.key) : ACTIONS[event.key];
  first = null;
  if (!action || (!wanted.checked && event.key !== "?")) return;
  event.preventDefault();
  action();
});

const ACTIONS = {
  j: () => step(1),
  k: () => step(-1),
  "/": () => {
    const search = document.querySelector("[data-search]");
    search?.focus();
    search?.select();
  },
  "[": () => document.querySelector(".pager [rel='prev']")?.click(),
  "]": () => document.querySelector(".pager [rel='next']")?.click(),
  "?": () => sheet.showModal(),
  g: () => {
    first = "g";
    setTimeout(() => (first = null), SECOND_KEY_MS);
  },
};

function go(key) {
  const link = PLACES[key] && document.querySelector(`.nav-link[href$="${PLACES[key]}"]`);
  return link && (() => link.click());
}

/** Focuses the link of the next or previous row; Enter then opens it as it opens any link. */
function step(by) {
  const links = [...document.querySelectorAll("tbody .row-link")];
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by];
  next?.focus();
  next?.closest("tr").scrollIntoView({ block: "nearest" });
}

function isTyping(element) {
  return element.isContentEditable || element.matches("textarea, select, input:not([type='checkbox'], [type='radio'])");
}
