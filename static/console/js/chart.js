// <sb-chart>: a Plotly figure in the colours of the page, beside the same figures as a table.
const TICKS = 11;
const still = matchMedia("(prefers-color-scheme: dark)");
let loading = null;

/** Plotly is large: it is fetched when a chart is on the page, once. */
function plotly(url) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => reject(new Error("plotly"));
    document.head.append(script);
  });
  return loading;
}

class SbChart extends HTMLElement {
  async connectedCallback() {
    this.area = this.querySelector(".chart-area");
    this.figure = JSON.parse(this.querySelector("script[type='application/json']").textContent);
    this.area.hidden = false;
    this.table(false);
    try {
      this.plotly = await plotly(this.dataset.plotly);
      await this.draw();
    } catch {
      this.area.querySelector(".chart-said").textContent = "The chart could not be loaded. The table has the same figures.";
      this.table(true);
      return;
    }
    this.area.setAttribute("role", "img");
    this.area.setAttribute("aria-label", this.dataset.label);
    this.area.on("plotly_click", ({ points }) => this.open(points[0]));
    this.area.on("plotly_selected", (selection) => selection?.range?.x && this.select(selection.range.x));
    document.addEventListener("sb:theme", () => this.draw());
    still.addEventListener("change", () => this.draw());
  }

  /** The table is folded away beside a chart, where the page lets it be. */
  table(open) {
    const table = this.querySelector("details");
    if (table) table.open = open;
  }

  draw() {
    this.area.querySelector(".chart-said")?.remove();
    const touch = matchMedia("(pointer: coarse)").matches;
    const selects = !touch && this.figure.data.some((trace) => trace.customdata);
    const layout = themed(this.figure.layout, selects ? "select" : false);
    const options = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };
    return this.plotly.react(this.area, this.figure.data.map(coloured), layout, options);
  }

  /** To the runs of a part: of the bar that was clicked, or of the one below the point. */
  open(point) {
    const href = this.figure.data.find((trace) => trace.customdata)?.customdata[point.pointIndex];
    if (href) location.assign(href);
  }

  /** To the runs queued in a selected stretch. Plotly names moments in UTC without saying so. */
  select([from, to]) {
    const first = new URL(this.figure.data.find((trace) => trace.customdata).customdata[0], location.href);
    const text = (moment) => `${new Date(`${moment.replace(" ", "T").slice(0, 19)}Z`).toISOString().slice(0, 19)}Z`;
    first.searchParams.set("since", text(from));
    first.searchParams.set("until", text(to));
    location.assign(first);
  }
}

function coloured(trace) {
  const colour = token(trace.meta);
  const own = { color: colour, ...(trace.type === "bar" ? { pattern: { ...trace.marker.pattern, fgcolor: token("--bg") } } : {}) };
  return { ...trace, line: { ...trace.line, color: colour }, marker: { ...trace.marker, ...own } };
}

function themed(layout, dragmode) {
  const axis = { gridcolor: token("--line-faint"), linecolor: token("--line"), zerolinecolor: token("--line"), tickfont: { size: TICKS }, fixedrange: true, automargin: true };
  const title = (own) => (own?.title ? { title: { ...own.title, font: { size: TICKS } } } : {});
  return {
    ...layout,
    dragmode,
    margin: { t: 34, r: 16, b: 30, l: 52 },
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { family: "Inter, system-ui, sans-serif", size: 12, color: token("--fg-muted") },
    hoverlabel: { bgcolor: token("--bg-raised"), bordercolor: token("--line"), font: { color: token("--fg") } },
    newselection: { line: { color: token("--accent"), width: 1 } },
    xaxis: { ...axis, ...layout.xaxis, ...title(layout.xaxis) },
    yaxis: { ...axis, ...layout.yaxis, ...title(layout.yaxis) },
    ...(layout.xaxis2 ? { xaxis2: { ...axis, ...layout.xaxis2, ...title(layout.xaxis2) } } : {}),
    ...(layout.yaxis2 ? { yaxis2: { ...axis, ...layout.yaxis2, ...title(layout.yaxis2) } } : {}),
  };
}

/** A token's colour as it is now, in a form that Plotly reads. */
function token(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

customElements.define("sb-chart", SbChart);
