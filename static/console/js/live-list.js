// <sb-live-list>: rows change in place; newer ones are announced, and come when asked for.
import { live } from "#sb/live";
import { tickAll } from "#sb/time";

const WATCHED = 50;
const FRAME_CHARACTERS = 3800; // the server refuses longer frames
const ID_CHARACTERS = 36;
const COUNTED = 100;

class SbLiveList extends HTMLElement {
  connectedCallback() {
    this.body = this.querySelector("tbody");
    this.pill = this.querySelector(".new-rows");
    this.channel = `${this.dataset.channel}:${this.dataset.query}`;
    this.revision = 0;
    this.pill.addEventListener("click", () => this.showNew());
    live.subscribe(this.channel, {
      rev: () => this.revision,
      done: () => false,
      facts: () => ({ top: this.top(), ids: this.open() }),
      delta: (frame) => this.take(frame),
      reload: async () => {},
      poll: () => this.poll(),
    });
  }

  rows() { return [...(this.body?.querySelectorAll("tr[data-id]") ?? [])]; }

  top() { return this.rows()[0]?.dataset.id ?? ""; }

  /** The runs that may still change, each with the journal entry its row shows. */
  open() {
    const room = Math.floor((FRAME_CHARACTERS - this.channel.length) / ID_CHARACTERS);
    const open = this.rows().filter((row) => row.hasAttribute("data-open")).slice(0, Math.max(0, Math.min(WATCHED, room)));
    return Object.fromEntries(open.map((row) => [row.dataset.id, Number(row.dataset.seq)]));
  }

  async take(frame) {
    this.revision = frame.rev;
    if (frame.upd?.length) await this.replace(await this.read(`ids=${frame.upd.join(",")}`));
    this.announce(frame.new ?? 0);
    if (frame.upd?.length) live.resume(this.channel);
  }

  async poll() {
    const open = Object.keys(this.open());
    if (open.length) await this.replace(await this.read(`ids=${open.join(",")}`));
    if (this.dataset.channel === "runs" && this.body) this.announce((await this.read(this.newer())).length);
  }

  newer() { return `newer=${this.top()}&${this.dataset.query.slice(1)}`; }

  announce(number) {
    if (!this.hasAttribute("data-first")) return undefined;
    if (number && this.body && scrollY < 40 && number <= 5 && this.dataset.channel === "runs") return this.showNew();
    this.pill.hidden = !number;
    const noun = this.dataset.channel === "runs" ? "run" : "event";
    this.pill.textContent = `${number > COUNTED ? `${COUNTED}+` : number} new ${noun}${number === 1 ? "" : "s"} ↑`;
    return undefined;
  }

  async showNew() {
    if (!this.body || this.dataset.channel !== "runs") return location.reload();
    this.pill.hidden = true;
    const fresh = await this.read(this.newer());
    const known = new Set(this.rows().map((row) => row.dataset.id));
    const added = fresh.filter((row) => !known.has(row.dataset.id));
    for (const row of added) row.setAttribute("data-new", "");
    this.body.prepend(...added);
    for (const row of this.rows().slice(100)) row.remove();
    tickAll();
    live.resume(this.channel);
    return undefined;
  }

  async replace(fresh) {
    for (const row of fresh) {
      const shown = document.getElementById(row.id);
      if (!shown) continue;
      const focused = shown.contains(document.activeElement);
      shown.replaceWith(row);
      if (focused) row.querySelector(".row-link").focus();
    }
    tickAll();
  }

  async read(query) {
    const table = document.createElement("template");
    try {
      const answer = await fetch(`${this.dataset.rows}?${query}`);
      if (!answer.ok) throw new Error(answer.status);
      // Rows as the server renders and escapes them.
      table.innerHTML = `<table><tbody>${await answer.text()}</tbody></table>`;
    } catch {
      document.dispatchEvent(new CustomEvent("sb:stale"));
    }
    return [...table.content.querySelectorAll("tr")];
  }
}

customElements.define("sb-live-list", SbLiveList);
