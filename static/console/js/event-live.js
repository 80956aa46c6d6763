// <sb-event-live>: what an event caused, fetched again as its runs move on.
import { live } from "#sb/live";
import { replaceParts } from "#sb/shell";
import { tickAll } from "#sb/time";

class SbEventLive extends HTMLElement {
  connectedCallback() {
    let revision = 0;
    live.subscribe(`event:${this.dataset.event}`, {
      rev: () => revision,
      done: () => false,
      delta: (frame) => {
        revision = frame.rev;
        return this.load();
      },
      reload: async () => {},
      poll: () => this.load(),
    });
  }

  async load() {
    const answer = await fetch(this.dataset.outcome);
    if (answer.ok) replaceParts(await answer.text());
    tickAll();
  }
}

customElements.define("sb-event-live", SbEventLive);
