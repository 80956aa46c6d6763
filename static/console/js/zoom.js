// Pointer gestures on the time side: ctrl+wheel zooms, shift+wheel and dragging the axis pan, pinching zooms.

export function gestures(grid, scroller, axis) {
  scroller.addEventListener("wheel", (event) => onWheel(event, grid), { passive: false });
  axis.addEventListener("wheel", (event) => onWheel(event, grid), { passive: false });
  axis.addEventListener("pointerdown", (event) => drag(event, grid, axis));
  scroller.addEventListener("dblclick", (event) => {
    if (event.target.closest(".row-track")) grid.fitRow();
  });
  pinch(grid, scroller);
}

function onWheel(event, grid) {
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    grid.zoom(Math.exp(-event.deltaY * 0.0022), grid.trackX(event.clientX));
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    grid.pan(event.deltaX || event.deltaY);
  }
}

function drag(event, grid, axis) {
  let last = event.clientX;
  axis.setPointerCapture(event.pointerId);
  const move = (moved) => {
    grid.pan(last - moved.clientX);
    last = moved.clientX;
  };
  axis.addEventListener("pointermove", move);
  axis.addEventListener("lostpointercapture", () => axis.removeEventListener("pointermove", move), { once: true });
}

function pinch(grid, scroller) {
  let apart = 0;
  const distance = (touches) => Math.hypot(touches[0].clientX - touches[1].clientX, touches[0].clientY - touches[1].clientY);
  scroller.addEventListener("touchstart", (event) => {
    if (event.touches.length === 2) apart = distance(event.touches);
  }, { passive: true });
  scroller.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2 || !apart) return;
    event.preventDefault();
    const now = distance(event.touches);
    grid.zoom(now / apart, grid.trackX((event.touches[0].clientX + event.touches[1].clientX) / 2));
    apart = now;
  }, { passive: false });
}
