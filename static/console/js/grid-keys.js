// The keyboard of the waterfall: a tree grid's keys, and single letters.

/** Acts on a keydown for `grid` (the waterfall). Returns whether the key meant something. */
export function handleKey(event, grid) {
  if (event.ctrlKey || event.metaKey) return false;
  if (event.altKey) return pan(event, grid);
  const action = MOVES[event.key] ?? LETTERS[event.key];
  if (!action) return false;
  action(grid);
  return true;
}

function pan(event, grid) {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return false;
  grid.pan(event.key === "ArrowLeft" ? -80 : 80);
  return true;
}

const MOVES = {
  ArrowDown: (grid) => grid.go(grid.active + 1),
  ArrowUp: (grid) => grid.go(grid.active - 1),
  Home: (grid) => grid.go(0),
  End: (grid) => grid.go(Infinity),
  PageDown: (grid) => grid.go(grid.active + grid.page()),
  PageUp: (grid) => grid.go(grid.active - grid.page()),
  ArrowRight: (grid) => (grid.row?.expandable && !grid.row.open ? grid.toggle(grid.active) : grid.go(grid.active + 1)),
  ArrowLeft: (grid) => (grid.row?.open ? grid.toggle(grid.active) : grid.go(parent(grid))),
  Enter: (grid) => grid.openInspector(),
  " ": (grid) => grid.toggle(grid.active),
};

const LETTERS = {
  j: MOVES.ArrowDown,
  k: MOVES.ArrowUp,
  a: (grid) => grid.toggle(grid.active),
  "+": (grid) => grid.zoom(1.5),
  "=": (grid) => grid.zoom(1.5),
  "-": (grid) => grid.zoom(1 / 1.5),
  0: (grid) => grid.fit(),
  z: (grid) => grid.fitRow(),
  c: (grid) => grid.press("idle"),
  x: (grid) => grid.press("errors"),
  f: (grid) => grid.nextFailure(1),
  F: (grid) => grid.nextFailure(-1),
  e: (grid) => grid.openAll(true),
  w: (grid) => grid.openAll(false),
  g: (grid) => grid.go(Infinity),
  "/": (grid) => grid.focusFilter(),
};

function parent(grid) {
  const depth = grid.row?.depth ?? 0;
  for (let index = grid.active - 1; index >= 0; index--) if (grid.rows[index].depth < depth) return index;
  return 0;
}
