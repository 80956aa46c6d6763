// One websocket for the page. Channels resume from the revision they hold; without a socket they poll.
const PROTOCOL = "signalbox.1";
const BACKOFF_MS = [500, 15000];
const POLL_MS = { active: 3000, hidden: 60000 };
const HANDSHAKES_BEFORE_POLLING = 3;
const SIGNED_OUT = 4401;
const DRAINED = 4409;
const CHANNELS_MOST = 20;

class Live {
  channels = new Map();
  failures = 0;
  state = "off";

  /**
   * `feed` is {rev(), done(), delta(frame), reload(), poll(), facts?()}: how far the page is and how it takes what is new.
   * Returns the function that unsubscribes.
   */
  subscribe(channel, feed) {
    if (this.channels.size >= CHANNELS_MOST) return () => {};
    this.channels.set(channel, feed);
    if (this.socket?.readyState === WebSocket.OPEN) this.sub(channel, feed);
    else this.connect();
    return () => this.release(channel);
  }

  /** Ends a subscription; with the last one the connection goes too. */
  release(channel) {
    this.channels.delete(channel);
    this.send({ t: "unsub", c: channel });
    if (this.channels.size) return;
    this.stopPolling();
    this.socket?.close(1000);
    this.show("finished");
  }

  /** Says again where the page is, after it changed by other means. */
  resume(channel) {
    const feed = this.channels.get(channel);
    if (feed) this.sub(channel, feed);
  }

  connect() {
    if (this.socket || this.waiting) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/console/`, PROTOCOL);
    this.socket = socket;
    socket.onmessage = (message) => this.take(JSON.parse(message.data));
    socket.onclose = (event) => this.closed(event.code);
  }

  take(frame) {
    const feed = this.channels.get(frame.c);
    if (frame.t === "hello") this.opened();
    else if (frame.t === "d" && feed) this.delta(frame, feed);
    else if (frame.t === "n" && feed) {
      feed.delta(frame);
      this.ack(frame);
    } else if (frame.t === "r" && feed) feed.reload().then(() => this.resume(frame.c), () => this.socket?.close());
    else if (frame.t === "bye") this.retry = frame.retry;
  }

  delta(frame, feed) {
    const have = feed.rev();
    if (frame.rev > have) {
      if (frame.p > have) return this.sub(frame.c, feed);
      feed.delta(frame);
    }
    this.ack(frame);
  }

  ack(frame) { this.send({ t: "ack", c: frame.c, rev: frame.rev }); }

  opened() {
    this.failures = 0;
    this.stopPolling();
    this.show("live");
    this.send({ t: "vis", on: !document.hidden });
    for (const [channel, feed] of this.channels) this.sub(channel, feed);
  }

  sub(channel, feed) {
    this.send({ t: "sub", c: channel, rev: feed.rev(), ...feed.facts?.() });
  }

  send(frame) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  closed(code) {
    this.socket = null;
    if (!this.channels.size) return;
    if (code === SIGNED_OUT) return this.show("signed out");
    if (code === DRAINED) return this.returnSoon();
    this.failures++;
    if (this.failures >= HANDSHAKES_BEFORE_POLLING) this.startPolling();
    const most = Math.min(BACKOFF_MS[1], BACKOFF_MS[0] * 2 ** this.failures);
    this.waiting = setTimeout(() => this.again(), Math.random() * most);
    if (!this.polling) this.show("reconnecting");
  }

  /** The server said goodbye and another one takes over: clients come back spread over the time it named. */
  returnSoon() {
    const [least, most] = this.retry ?? BACKOFF_MS;
    this.waiting = setTimeout(() => this.again(), least + Math.random() * (most - least));
  }

  again() {
    clearTimeout(this.waiting);
    this.waiting = null;
    this.connect();
  }

  startPolling() {
    this.show("polling");
    this.polling ??= setTimeout(() => this.poll(), 0);
  }

  async poll() {
    for (const feed of this.channels.values()) if (!feed.done()) await feed.poll().catch(() => {});
    if (this.polling) this.polling = setTimeout(() => this.poll(), document.hidden ? POLL_MS.hidden : POLL_MS.active);
  }

  stopPolling() {
    clearTimeout(this.polling);
    this.polling = null;
  }

  show(state) {
    this.state = state;
    document.dispatchEvent(new CustomEvent("sb:live", { detail: state }));
  }
}

export const live = new Live();

document.addEventListener("visibilitychange", () => {
  live.send({ t: "vis", on: !document.hidden });
  if (!document.hidden && live.waiting) live.again();
});
addEventListener("online", () => live.waiting && live.again());
