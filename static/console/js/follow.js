// Keeps the traces of a waterfall current: that of its run, and those of the child runs opened in it.
import { feed, read } from "#sb/feed";
import { live } from "#sb/live";
import { Trace } from "#sb/trace";

export function urlOf(grid, run) {
  return grid.dataset.trace.replace(grid.trace.id, run);
}

/** Follows `trace` until it is final; `grid.changed` hears what is new in it. */
export function follow(grid, trace) {
  const taken = feed(trace, urlOf(grid, trace.id), (keys) => grid.changed(trace, keys));
  live.subscribe(`run:${trace.id}`, { ...taken, reload: () => taken.reload().catch((error) => lost(grid, trace, error)) });
}

/** Puts the trace of a child run into the waterfall. */
export async function addChild(grid, id) {
  const child = new Trace(await read(urlOf(grid, id)));
  grid.view.children.set(id, child);
  if (!child.final) {
    follow(grid, child);
    grid.clock();
  }
  grid.update();
}

// Deleted; for any other reason the server will be asked once more when the socket is back.
function lost(grid, trace, error) {
  if (error.status !== 404) throw error;
  live.release(`run:${trace.id}`);
  if (trace === grid.trace) document.dispatchEvent(new CustomEvent("sb:gone"));
}
