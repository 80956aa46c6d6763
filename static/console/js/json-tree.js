// <sb-json>: turns the JSON text it holds into a tree of <details>, built as it is opened.
const OPEN_DEPTH = 2;
const CHUNK = 100;

class SbJson extends HTMLElement {
  connectedCallback() {
    const source = this.querySelector("pre");
    if (!source) return;
    try {
      this.replaceChildren(node(null, JSON.parse(source.textContent), 0));
    } catch {
      // Not JSON: the text stays as it was served.
    }
  }
}

function node(key, value, depth) {
  if (value === null || typeof value !== "object") return leaf(key, value);
  const entries = Array.isArray(value) ? value.map((item, index) => [index, item]) : Object.entries(value);
  if (!entries.length) return line(key, span("json-mark", Array.isArray(value) ? "[]" : "{}"));
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const kind = Array.isArray(value) ? "items" : "fields";
  summary.append(...label(key), span("json-count", `${entries.length} ${entries.length === 1 ? kind.slice(0, -1) : kind}`));
  details.className = "json-branch";
  details.append(summary);
  const fill = () => {
    if (details.children.length === 1) append(details, entries, 0, depth);
  };
  details.open = depth < OPEN_DEPTH && (depth === 0 || entries.length <= 20);
  if (details.open) fill();
  details.addEventListener("toggle", fill);
  return details;
}

function append(details, entries, from, depth) {
  details.append(...entries.slice(from, from + CHUNK).map(([key, value]) => node(key, value, depth + 1)));
  if (from + CHUNK >= entries.length) return;
  const more = document.createElement("button");
  more.type = "button";
  more.className = "json-more";
  more.textContent = `Show ${Math.min(CHUNK, entries.length - from - CHUNK)} more of ${entries.length}`;
  more.addEventListener("click", () => {
    more.remove();
    append(details, entries, from + CHUNK, depth);
  });
  details.append(more);
}

function leaf(key, value) {
  const kind = value === null ? "word" : { string: "string", number: "number", boolean: "word" }[typeof value];
  return line(key, span(`json-${kind}`, typeof value === "string" ? `"${value}"` : String(value)));
}

function line(key, value) {
  const element = document.createElement("div");
  element.className = "json-leaf";
  element.append(...label(key), value);
  return element;
}

function label(key) {
  return key === null ? [] : [span(typeof key === "number" ? "json-index" : "json-key", String(key)), span("json-mark", ": ")];
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

customElements.define("sb-json", SbJson);
