// <sb-schedule-reading>: what is typed into a schedule's form, in words and with its next times, as one types.
const TYPED = ["cron", "every", "tz", "exclude"];
const PAUSE_MS = 250;

class SbScheduleReading extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.said = this.querySelector("p");
    this.times = this.querySelector("ol");
    this.form.addEventListener("input", (event) => TYPED.includes(event.target.name) && this.soon());
    if (this.form.elements.cron.value || this.form.elements.every.value) this.read();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), PAUSE_MS);
  }

  async read() {
    const typed = new URLSearchParams(TYPED.map((name) => [name, this.form.elements[name].value]));
    const asked = (this.asked = (this.asked ?? 0) + 1);
    try {
      const response = await fetch(`${this.dataset.url}?${typed}`, { headers: { Accept: "application/json" } });
      const reading = await response.json();
      if (asked === this.asked) this.show(reading);
    } catch {
      this.said.textContent = "The times cannot be shown now.";
    }
  }

  show({ error, words, next = [], tz }) {
    this.toggleAttribute("data-bad", Boolean(error));
    this.said.textContent = error ?? words;
    const format = (zone) => new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: zone });
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.times.replaceChildren(
      ...next.map((moment) => {
        const item = document.createElement("li");
        const at = new Date(moment);
        item.textContent = format(tz).format(at) + (here === tz ? "" : ` (${format(here).format(at)} here)`);
        return item;
      }),
    );
  }
}

customElements.define("sb-schedule-reading", SbScheduleReading);
