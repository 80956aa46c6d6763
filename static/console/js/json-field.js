// <sb-json-field>: a textarea of JSON that says what is wrong as one types, with line and column.
import { mistake } from "#sb/json-check";

const PAUSE_MS = 150;

class SbJsonField extends HTMLElement {
  connectedCallback() {
    this.text = this.querySelector("textarea");
    this.said = this.querySelector(".form-said");
    this.note = this.said.hasAttribute("data-bad") ? "" : this.said.textContent;
    this.text.addEventListener("input", () => {
      clearTimeout(this.pending);
      this.pending = setTimeout(() => this.check(), PAUSE_MS);
    });
    this.text.closest("form").addEventListener("submit", (event) => this.stop(event), true);
    this.said.addEventListener("click", () => this.go());
    this.addEventListener("click", (event) => this.act(event.target.closest("[data-json]")?.dataset.json));
    for (const button of this.querySelectorAll("[data-json]")) button.hidden = false;
    if (!this.said.hasAttribute("data-bad")) this.check();
  }

  check() {
    clearTimeout(this.pending);
    this.wrong = mistake(this.text.value, this.dataset.shape, Number(this.dataset.mostBytes));
    const edited = this.text.value !== this.text.defaultValue;
    this.text.setAttribute("aria-invalid", String(Boolean(this.wrong)));
    this.said.toggleAttribute("data-bad", Boolean(this.wrong));
    const text = this.wrong?.message ?? (edited ? "Valid JSON, edited." : this.note);
    if (this.said.textContent !== text) this.said.textContent = text;
    this.querySelector("[data-json='reset']").disabled = !edited;
  }

  /** Nothing is sent that the server would refuse. To see what a replay would do is no sending. */
  stop(event) {
    this.check();
    if (!this.wrong || event.submitter?.name === "preview") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.go();
  }

  act(name) {
    if (name === "reset") this.text.value = this.text.defaultValue;
    if (name === "format" && !this.wrong && this.text.value.trim()) this.text.value = JSON.stringify(JSON.parse(this.text.value), null, 2);
    if (name) this.check();
  }

  /** To the place of the mistake. */
  go() {
    if (this.wrong?.place === undefined) return;
    this.text.focus();
    this.text.setSelectionRange(this.wrong.place, this.wrong.place + 1);
  }
}

customElements.define("sb-json-field", SbJsonField);
