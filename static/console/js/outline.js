// The tree of a trace as the flat list of rows that are open.
import { failed } from "#sb/trace";

const GROUP_FROM = 21;
const DEEPEST = 6;

/**
 * Rows of `root`. `view` is {open: Set of row ids, text, errorsOnly, children: Map of run id to Trace}.
 * A row is {id, kind, depth, step, trace, shift, label, expandable, open}; `shift` is the start of its run after the root's.
 */
export function outline(root, view) {
  const rows = [{ id: root.id, kind: "run", depth: 0, step: root.own, trace: root, shift: 0, label: root.fn, expandable: true }];
  rows[0].open = !view.open.has(`closed:${root.id}`);
  if (rows[0].open) addSteps(rows, root, 1, 0, view);
  return rows;
}

function addSteps(rows, trace, depth, shift, view) {
  const shown = trace.steps.filter((step) => matches(step, view));
  const grouped = view.text || view.errorsOnly ? new Map() : groups(shown);
  const done = new Set();
  for (const step of shown) {
    const base = baseName(step.key);
    const members = grouped.get(base);
    if (!members) addStep(rows, step, trace, depth, shift, view);
    else if (!done.has(base)) {
      done.add(base);
      addGroup(rows, base, members, trace, depth, shift, view);
    }
  }
}

function addGroup(rows, base, members, trace, depth, shift, view) {
  const id = `${trace.id}~${base}`;
  const open = view.open.has(id);
  rows.push({ id, kind: "group", depth, step: summary(base, members), members, trace, shift, label: base, expandable: true, open });
  if (!open) return;
  const bad = members.filter(failed);
  for (const step of [...bad, ...members.filter((step) => !failed(step))]) addStep(rows, step, trace, depth + 1, shift, view);
}

function addStep(rows, step, trace, depth, shift, view) {
  const id = `${trace.id}/${step.key}`;
  const expandable = step.attempts > 1 || Boolean(step.child);
  const open = expandable && view.open.has(id);
  rows.push({ id, kind: "step", depth, step, trace, shift, label: step.key, about: step.about, expandable, open });
  if (!open) return;
  if (step.attempts > 1) addAttempts(rows, id, step, trace, depth + 1, shift);
  const child = step.child && view.children.get(step.child);
  if (child && depth < DEEPEST) addSteps(rows, child, depth + 1, shift + child.t0 - trace.t0, view);
}

function addAttempts(rows, id, step, trace, depth, shift) {
  for (let number = 1; number <= step.attempts; number++) {
    const bars = step.bars.filter((bar) => bar.number === number);
    const main = bars.find((bar) => bar.phase !== "queued" && bar.phase !== "backoff");
    const status = main?.phase === "backoff" || !main ? step.status : attemptStatus(main.phase, step.status);
    const own = { ...step, status, bars, attempts: 1, child: null, note: "", logs: [], about: "" };
    rows.push({ id: `${id}#${number}`, kind: "attempt", depth, step: own, trace, shift, number, label: `attempt ${number}` });
  }
}

function attemptStatus(phase, status) {
  return ["running", "completed", "failed", "cancelled", "lost", "timed_out"].includes(phase) ? phase : status;
}

function matches(step, view) {
  if (view.errorsOnly && !failed(step) && !step.bars.some((bar) => bar.phase === "failed" || bar.phase === "lost")) return false;
  return !view.text || step.key.toLowerCase().includes(view.text) || step.about.toLowerCase().includes(view.text);
}

/** The key without a trailing index: what siblings of a fan-out share. */
export function baseName(key) {
  return key.replace(/[\s:\-_#/.[(]*\d+[\])]?$/, "") || key;
}

function groups(steps) {
  const found = new Map();
  for (const step of steps) {
    const base = baseName(step.key);
    if (found.has(base)) found.get(base).push(step);
    else found.set(base, [step]);
  }
  for (const [base, members] of found) if (members.length < GROUP_FROM) found.delete(base);
  return found;
}

const URGENCY = ["running", "retrying", "waiting", "sleeping", "queued", "failed", "timed_out", "lost", "cancelled"];

function summary(base, members) {
  const statuses = new Set(members.map((step) => step.status));
  const status = URGENCY.find((each) => statuses.has(each)) ?? members[0].status;
  return { key: base, status, attempts: 1, bars: members.flatMap((step) => step.bars), note: "", logs: [], about: "", group: true };
}
