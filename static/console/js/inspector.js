// The inspector beside the waterfall: opened by selection, kept in the address, a sheet on narrow screens.
const body = document.querySelector(".run-body");
const pane = document.getElementById("inspector");

/** Shows step `key` of the run ('' is the run itself); `push` makes Back return to the one before. */
export function inspect(key, { push = true, attempt = null, tab = "", url = pane.dataset.url } = {}) {
  const query = new URLSearchParams({ step: key });
  if (attempt) query.set("attempt", attempt);
  if (tab) query.set("tab", tab);
  body.setAttribute("data-inspecting", "");
  if (url === pane.dataset.url) history[push ? "pushState" : "replaceState"]({ step: key }, "", `?${query}`);
  pane.dataset.shown = `${url}?${query}`;
  return load();
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

export function tab(name) {
  pane.querySelector(`.inspector-tabs [data-tab="${name}"]`)?.click();
}

function load() {
  return htmx.ajax("GET", pane.dataset.shown, { target: pane, swap: "innerHTML" });
}

pane.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) {
    event.preventDefault();
    close();
  }
  if (event.target.closest("[data-sheet-toggle]")) {
    body.dataset.sheet = body.dataset.sheet === "tall" ? "half" : "tall";
  }
});

// A tab or an attempt of this run goes into the address; one of a child run shown here does not.
pane.addEventListener("htmx:beforeRequest", (event) => {
  const { path } = event.detail.requestConfig;
  if (event.detail.elt !== pane && path.startsWith(`${pane.dataset.url}?`)) history.pushState({}, "", path.slice(pane.dataset.url.length));
});

pane.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector(".waterfall-scroll")?.focus();
});

addEventListener("popstate", () => {
  const step = new URLSearchParams(location.search).get("step");
  if (step === null) close({ push: false });
  else inspect(step, { push: false });
});
