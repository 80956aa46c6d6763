// The row that the address names: a step, an attempt, a step of a child run.

/** Selects the row that the page was served with; a child run's step makes its run open inside this one. */
export async function openNamed(grid) {
  const { selected, selectedRun, selectedParent } = grid.dataset;
  if (!grid.hasAttribute("data-has-selection")) return;
  const own = selectedRun === grid.trace.id;
  if (!own) await openChild(grid, selectedRun, selectedParent);
  grid.selected = rowOf(grid, own ? null : selectedRun, selected, new URLSearchParams(location.search).get("attempt"));
  grid.reveal(grid.selected);
}

/** Keeps the selection with what the inspector shows, also after Back and Forward. */
export function followInspector(grid) {
  document.addEventListener("sb:inspected", ({ detail: { run, step, attempt } }) => {
    const id = rowOf(grid, run, step, attempt);
    if (grid.selected === id) return;
    grid.selected = id;
    grid.reveal(id);
  });
  document.addEventListener("sb:closed", () => {
    grid.selected = null;
    grid.frame();
  });
}

function rowOf(grid, run, step, attempt) {
  const id = run ? `${run}/${step}` : grid.idOf(step);
  const row = `${id}#${attempt}`;
  return attempt && grid.rows.some((each) => each.id === row) ? row : id;
}

async function openChild(grid, run, parentStep) {
  if (grid.trace.byKey.get(parentStep)?.child !== run) return; // deeper down: the inspector alone shows it
  grid.view.open.add(grid.idOf(parentStep));
  await grid.loadChild(run);
}
