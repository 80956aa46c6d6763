// <sb-splitter>: the border of the inspector, moved by pointer or arrow keys; the width is kept in a cookie.
const STEP_PX = 16;
const LEAST_PX = 280;
const YEAR_SECONDS = 31536000;

class SbSplitter extends HTMLElement {
  connectedCallback() {
    this.box = this.parentElement;
    this.pane = document.getElementById(this.getAttribute("aria-controls"));
    this.addEventListener("pointerdown", (event) => this.drag(event));
    this.addEventListener("dblclick", () => this.set(null));
    this.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: STEP_PX, ArrowRight: -STEP_PX }[event.key];
      if (!by) return;
      event.preventDefault();
      this.set(this.pane.offsetWidth + by);
    });
  }

  drag(event) {
    const from = event.clientX;
    const width = this.pane.offsetWidth;
    const move = (moved) => this.set(width + from - moved.clientX);
    event.preventDefault();
    this.setPointerCapture(event.pointerId);
    this.addEventListener("pointermove", move);
    this.addEventListener("lostpointercapture", () => this.removeEventListener("pointermove", move), { once: true });
  }

  /** In pixels; null is the width that the page gives. */
  set(width) {
    const most = this.box.clientWidth * 0.7;
    const kept = width === null ? null : Math.round(Math.max(LEAST_PX, Math.min(width, most)));
    if (kept === null) this.box.style.removeProperty("--width");
    else this.box.style.setProperty("--width", `${kept}px`);
    this.setAttribute("aria-valuenow", kept ?? this.pane.offsetWidth);
    document.cookie = `inspector=${kept ?? ""}; path=/; max-age=${kept === null ? 0 : YEAR_SECONDS}; samesite=lax`;
  }
}

customElements.define("sb-splitter", SbSplitter);
