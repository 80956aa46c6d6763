// <sb-history>: new entries of a run's journal come under those that are shown.
import { live } from "#sb/live";

const MOST_ROWS = 2000;

class SbHistory extends HTMLElement {
  connectedCallback() {
    this.last = Number(this.dataset.last);
    this.revision = Number(this.dataset.rev);
    this.over = this.hasAttribute("data-final");
    if (this.over) return live.show("finished");
    const channel = `run:${this.dataset.run}`;
    live.subscribe(channel, {
      rev: () => this.revision,
      done: () => this.over,
      delta: (frame) => this.take(frame.rev, frame.run.fin, channel),
      reload: () => this.take(this.revision + 1, false, channel),
      poll: () => this.load(),
    });
    return undefined;
  }

  async take(revision, over, channel) {
    this.revision = revision;
    this.over ||= over;
    await this.load();
    document.dispatchEvent(new CustomEvent("sb:changed", { detail: { final: over } }));
    if (over) live.release(channel);
  }

  async load() {
    if (!this.hasAttribute("data-follows") || this.loading) return;
    this.loading = true;
    const query = this.dataset.query ? `&${this.dataset.query.slice(1)}` : "";
    const answer = await fetch(`${this.dataset.rows}?after=${this.last}${query}`).finally(() => { this.loading = false; });
    if (answer.status === 404) return this.gone();
    if (!answer.ok) return undefined;
    const table = document.createElement("template");
    // Rows as the server renders and escapes them.
    table.innerHTML = `<table><tbody>${await answer.text()}</tbody></table>`;
    const rows = [...table.content.querySelectorAll("tr")].filter((row) => Number(row.dataset.seq) > this.last);
    if (!rows.length) return undefined;
    this.last = Number(rows.at(-1).dataset.seq);
    this.querySelector(".empty")?.remove();
    this.querySelector("tbody").append(...rows);
    if (this.querySelectorAll("tbody tr").length > MOST_ROWS) this.removeAttribute("data-follows");
    return rows.length >= 200 ? this.load() : undefined;
  }

  gone() {
    live.release(`run:${this.dataset.run}`);
    live.show("deleted");
  }
}

customElements.define("sb-history", SbHistory);
