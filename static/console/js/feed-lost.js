// A calm banner when the live connection stays away, with a way to try again at once.
import { live } from "#sb/live";

const PATIENCE_MS = 2500;
const TEXTS = {
  reconnecting: "The live connection is lost. What you see may be old; it is being tried again.",
  polling: "There is no live connection. This page asks for changes every few seconds instead.",
  "signed out": "You are signed out. What you see is no longer kept up to date.",
};
const banner = document.getElementById("feed-lost");
const retry = banner?.querySelector("[data-retry]");
const signIn = banner?.querySelector("[data-sign-in]");
let planned = null;

document.addEventListener("sb:live", ({ detail }) => {
  if (!banner) return;
  clearTimeout(planned);
  if (!(detail in TEXTS)) banner.hidden = true;
  // A connection that comes back within a moment is nobody's concern.
  else if (banner.hidden) planned = setTimeout(() => show(live.state), PATIENCE_MS);
  else show(detail);
});

document.addEventListener("sb:stale", () => banner?.hidden && tell("What has changed could not be loaded."));

retry?.addEventListener("click", () => {
  if (live.state === "live") return location.reload();
  banner.querySelector(".feed-lost-text").textContent = "Trying again…";
  live.again();
  return undefined;
});

function show(state) {
  if (!(state in TEXTS)) return;
  tell(TEXTS[state]);
  retry.hidden = state === "signed out";
  signIn.hidden = state !== "signed out";
  signIn.href = `${signIn.href.split("?")[0]}?next=${encodeURIComponent(location.pathname + location.search)}`;
}

function tell(text) {
  banner.querySelector(".feed-lost-text").textContent = text;
  retry.hidden = false;
  banner.hidden = false;
}
