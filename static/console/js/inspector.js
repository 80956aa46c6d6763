// The inspector beside the waterfall: opened by selection, kept in the address, a sheet on narrow screens.
const body = document.querySelector(".run-body");
const pane = document.getElementById("inspector");
const own = pane.dataset.url;

/** The address of the inspector of another run, shown here as a child. */
function urlOf(run) {
  return run ? own.replace(/[^/]+(?=\/inspector$)/, run) : own;
}

function runOf(url) {
  return url === own ? null : url.match(/([^/]+)\/inspector$/)[1];
}

/** Shows step `key` of a run ('' is the run itself); `push` makes Back return to the one before. */
export function inspect(key, { push = true, attempt = null, tab = "", url = own } = {}) {
  const query = new URLSearchParams({ step: key });
  if (attempt) query.set("attempt", attempt);
  if (tab) query.set("tab", tab);
  body.setAttribute("data-inspecting", "");
  if (push !== null) remember(url, query, push);
  pane.dataset.shown = `${url}?${query}`;
  document.dispatchEvent(new CustomEvent("sb:inspected", { detail: { run: runOf(url), step: key, attempt } }));
  return load();
}

function remember(url, query, push) {
  const address = new URLSearchParams(query);
  if (runOf(url)) address.set("run", runOf(url));
  history[push ? "pushState" : "replaceState"]({}, "", `?${address}`);
}

/** Loads again what is shown. */
export function refresh() {
  const current = pane.querySelector(".inspector-tabs .tab[aria-current]");
  if (current) htmx.ajax("GET", current.getAttribute("hx-get"), { target: pane, swap: "innerHTML" });
}

export function close({ push = true } = {}) {
  body.removeAttribute("data-inspecting");
  body.removeAttribute("data-sheet");
  pane.replaceChildren();
  if (push) history.pushState({}, "", location.pathname);
  document.dispatchEvent(new CustomEvent("sb:closed"));
}

export function isOpen() {
  return body.hasAttribute("data-inspecting");
}

export function tab(name) {
  pane.querySelector(`.inspector-tabs [data-tab="${name}"]`)?.click();
}

function load() {
  pane.setAttribute("aria-busy", "true");
  return htmx.ajax("GET", pane.dataset.shown, { target: pane, swap: "innerHTML" }).finally(() => pane.removeAttribute("aria-busy"));
}

pane.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) {
    event.preventDefault();
    close();
  }
  if (event.target.closest("[data-retry]")) load();
  if (event.target.closest("[data-sheet-toggle]")) {
    body.dataset.sheet = body.dataset.sheet === "tall" ? "half" : "tall";
  }
});

// A tab or an attempt that is clicked goes into the address.
pane.addEventListener("htmx:beforeRequest", (event) => {
  const { path, verb } = event.detail.requestConfig;
  const [url, query] = path.split("?");
  if (event.detail.elt === pane || verb !== "get" || !url.endsWith("/inspector")) return;
  pane.dataset.shown = path;
  remember(url, new URLSearchParams(query), true);
});

for (const kind of ["htmx:responseError", "htmx:sendError"]) {
  pane.addEventListener(kind, () => {
    if (pane.querySelector(".inspector-head")) return; // what is shown stays; a toast has said it
    const text = Object.assign(document.createElement("p"), { textContent: "This step could not be loaded." });
    const retry = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: "Try again" });
    const box = Object.assign(document.createElement("div"), { className: "empty" });
    retry.setAttribute("data-retry", "");
    box.append(text, retry);
    pane.replaceChildren(box);
  });
}

pane.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) document.querySelector(".waterfall-scroll")?.focus();
});

addEventListener("popstate", () => {
  const query = new URLSearchParams(location.search);
  const step = query.get("step");
  if (step === null) close({ push: false });
  else inspect(step, { push: null, attempt: query.get("attempt"), tab: query.get("tab") ?? "", url: urlOf(query.get("run")) });
});
