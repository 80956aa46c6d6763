// How figures read: the same as console/presenters/text.py.
const NBSP = "\u00a0";
const UNITS = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];

/** Three digits and a unit, from a minute on two units. */
export function duration(us) {
  if (us < 1000) return `${Math.max(0, Math.round(us))}${NBSP}µs`;
  if (us < 999500) return `${threeDigits(us / 1e3)}${NBSP}ms`;
  if (us < 59950000) return `${threeDigits(us / 1e6)}${NBSP}s`;
  let rest = Math.round(us / 1e6);
  const parts = [];
  for (const [size, unit] of UNITS) {
    if (rest >= size) parts.push(`${Math.floor(rest / size)}${NBSP}${unit}`);
    else if (parts.length) break;
    rest %= size;
    if (parts.length === 2) break;
  }
  return parts.join(NBSP);
}

/** A moment on the axis: exact for ticks that are `step` apart. */
export function tick(us, step) {
  if (us === 0) return "0";
  if (step < 1e3) return us < 1e3 ? `${us}${NBSP}µs` : `${trim(us / 1e3, step / 1e3)}${NBSP}ms`;
  if (step < 1e6 && us < 1e6) return `${trim(us / 1e3, step / 1e3)}${NBSP}ms`;
  if (us < 6e7) return `${trim(us / 1e6, step / 1e6)}${NBSP}s`;
  if (step < 1e6) return `${duration(us - (us % 1e6))}${NBSP}${(us % 1e6) / 1e3}${NBSP}ms`;
  return duration(us);
}

export function count(number, noun) {
  return `${number.toLocaleString("en").replaceAll(",", "\u202f")}${NBSP}${noun}${number === 1 ? "" : "s"}`;
}

/** `3 m ago` for a Date. */
export function ago(date, now = Date.now()) {
  const seconds = Math.round((now - date.getTime()) / 1000);
  if (seconds < 1) return "now";
  for (const [size, unit] of UNITS) if (seconds >= size) return `${Math.floor(seconds / size)}${NBSP}${unit} ago`;
  return "now";
}

function threeDigits(number) {
  return number.toFixed(number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2);
}

function trim(number, step) {
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return number.toFixed(decimals);
}
