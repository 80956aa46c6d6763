// A run's trace in the browser: a snapshot, then deltas; applying one twice does no harm.
export const ACTIVE = new Set(["running", "completed", "failed", "cancelled", "lost"]);

export class Trace {
  constructor(snapshot) {
    this.steps = [];
    this.byKey = new Map();
    this.skews = [];
    this.load(snapshot);
  }

  /** Replaces everything by a snapshot. */
  load(snapshot) {
    this.phases = snapshot.phases;
    this.id = snapshot.run.id;
    this.fn = snapshot.run.fn;
    this.t0 = snapshot.run.t0;
    this.byKey.clear();
    this.steps = [];
    this.rev = -1;
    this.apply(snapshot.run.rev, snapshot.now, snapshot.run, snapshot.steps);
  }

  /** Takes over what changed. Returns the keys of steps that are new or different. */
  apply(rev, now, run, rows) {
    this.rev = rev;
    this.skews = [...this.skews.slice(-4), now - Date.now() * 1000];
    this.skew = this.skews.toSorted((a, b) => a - b)[this.skews.length >> 1];
    this.status = run.st;
    this.final = run.fin;
    this.own = { key: "", op: "function", status: run.st, attempts: 1, bars: run.bars.map((bar) => this.bar(bar)), note: "", logs: run.logs };
    let ordered = true;
    for (const [key, op, status, ordinal, attempts, child, note, bars, logs, about] of rows) {
      const step = { key, op, status, ordinal, attempts, child, note, bars: bars.map((bar) => this.bar(bar)), logs, about };
      const known = this.byKey.get(key);
      if (known) this.steps[this.steps.indexOf(known)] = step;
      else {
        ordered &&= !this.steps.length || this.steps.at(-1).ordinal <= ordinal;
        this.steps.push(step);
      }
      this.byKey.set(key, step);
    }
    if (!ordered) this.steps.sort((a, b) => a.ordinal - b.ordinal);
    this.version = (this.version ?? 0) + 1;
    return rows.map((row) => row[0]);
  }

  bar([phase, start, end, number]) {
    return { phase: this.phases[phase], start, end, number };
  }

  /** Microseconds since the run was queued, by the server's clock. */
  now() {
    return Math.max(0, Date.now() * 1000 + this.skew - this.t0);
  }

  /** Where the drawing ends: the run's last moment, or now. */
  end() {
    const last = this.own.bars.at(-1);
    return Math.max(1, last?.end ?? this.now());
  }
}

export function failed(step) {
  return step.status === "failed" || step.status === "timed_out" || step.status === "lost";
}

/** The step's length in microseconds, without its queueing. */
export function length(step, now) {
  const bars = step.bars.filter((bar) => bar.phase !== "queued");
  return bars.length ? (bars.at(-1).end ?? now) - bars[0].start : 0;
}
