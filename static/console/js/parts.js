// The waterfall's own furniture: toolbar, axis, and the scrolling tree grid.
import { duration, tick } from "#sb/format";

const TICK_PX = 64;
const LABEL_PX = 96;
const ICONS = document.documentElement.dataset.icons;

// Constant markup: nothing of a run is in it.
const MARKUP = `
<div class="waterfall-tools" role="toolbar" aria-label="Waterfall">
  <input class="field waterfall-filter" type="search" placeholder="Filter steps  /" aria-label="Filter steps" autocomplete="off" spellcheck="false">
  <button class="button" type="button" data-tool="errors" aria-pressed="false">Errors only</button>
  <button class="button" type="button" data-tool="idle" aria-pressed="false">Hide idle</button>
  <span class="waterfall-count muted mono"></span>
  <span class="waterfall-zoom">
    <button class="icon-button" type="button" data-tool="out" title="Zoom out (-)" data-icon="minus">Zoom out</button>
    <button class="button" type="button" data-tool="fit" title="Show the whole run (0)">Fit</button>
    <button class="icon-button" type="button" data-tool="in" title="Zoom in (+), or ctrl and the wheel" data-icon="plus">Zoom in</button>
  </span>
</div>
<div class="waterfall-top" aria-hidden="true">
  <div class="waterfall-corner"><span>Step</span><span>Took</span></div>
  <div class="waterfall-axis"><canvas class="minimap"></canvas><div class="ticks"></div></div>
</div>
<div class="waterfall-scroll" role="treegrid" tabindex="0" aria-label="Steps of this run over time"><div class="waterfall-body" role="rowgroup"></div></div>
<p class="keys"><span><kbd>↑</kbd> <kbd>↓</kbd> move</span><span><kbd>→</kbd> open</span><span><kbd>Enter</kbd> inspect</span><span><kbd>/</kbd> filter</span><span><kbd>r</kbd> replay</span>
<span><kbd>f</kbd> next failure</span><span><kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> zoom</span><span><kbd>z</kbd> fit step</span><span><kbd>c</kbd> hide idle</span></p>`;

/** Says that the trace could not be read, above the table that is still there. */
export function unreadable(host) {
  const template = document.createElement("template");
  // Constant markup: nothing of a run is in it.
  template.innerHTML = `<div class="banner" data-kind="failed" role="alert"><p>The waterfall could not be loaded.</p>
    <a class="banner-link" href="">Try again</a><a class="banner-link" href="?view=table">Show the table</a></div>`;
  host.setAttribute("data-unreadable", "");
  host.prepend(template.content);
}

/** Builds the parts into `host`, in place of the table. */
export function build(host) {
  const template = document.createElement("template");
  template.innerHTML = MARKUP;
  for (const element of template.content.querySelectorAll("[data-icon]")) dress(element);
  host.replaceChildren(template.content);
  host.setAttribute("data-ready", "");
  const find = (selector) => host.querySelector(selector);
  return {
    tools: find(".waterfall-tools"),
    filter: find(".waterfall-filter"),
    count: find(".waterfall-count"),
    axis: find(".ticks"),
    ticks: find(".ticks"),
    minimap: find(".minimap"),
    scroll: find(".waterfall-scroll"),
    body: find(".waterfall-body"),
    press(tool, pressed, available) {
      const button = find(`[data-tool="${tool}"]`);
      button.setAttribute("aria-pressed", String(pressed));
      button.hidden = !available;
    },
  };
}

/** The axis: ticks with their times, and a band for each squeezed stretch. */
export function drawAxis(axis, scale) {
  const marks = [];
  const labels = [];
  let reached = -Infinity;
  for (const gap of scale.gaps) {
    const [left, right] = [scale.x(gap.start), scale.x(gap.end)];
    if (right < 0 || left > scale.width) continue;
    labels.push(right);
    marks.push(mark("idle", left, right - left, `${duration(gap.end - gap.start)} idle`));
  }
  for (const { us, step } of scale.ticks()) {
    const left = scale.x(us);
    if (left - reached < TICK_PX || left > scale.width - 12 || labels.some((from) => left > from - TICK_PX && left < from + LABEL_PX)) continue;
    reached = left;
    marks.push(mark("tick", left, 0, tick(us, step)));
  }
  axis.replaceChildren(...marks);
}

function mark(kind, left, width, text) {
  const element = document.createElement("span");
  element.className = kind;
  element.textContent = text;
  element.title = kind === "idle" ? text : "";
  element.style.setProperty("--left", `${left.toFixed(1)}px`);
  element.style.setProperty("--width", `${width.toFixed(1)}px`);
  return element;
}

function dress(element) {
  const word = element.textContent;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  const hidden = document.createElement("span");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${ICONS}#${element.dataset.icon}`);
  hidden.className = "visually-hidden";
  hidden.textContent = word;
  svg.append(use);
  element.replaceChildren(svg, hidden);
}
