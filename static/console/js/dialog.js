// Links with data-dialog open their form in a dialog. Without script they are pages of their own.
import { toast } from "#sb/shell";
import "#sb/json-field";

const dialog = document.createElement("dialog");
dialog.className = "dialog";
dialog.setAttribute("aria-label", "Form");
document.body.append(dialog);
let warned = false;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(link.href);
});

async function open(href) {
  warned = false;
  await htmx.ajax("GET", href, { target: dialog, swap: "innerHTML" });
  if (!dialog.querySelector("form")) return; // an error: a toast has said it
  if (!dialog.open) dialog.showModal();
  dialog.setAttribute("aria-label", dialog.querySelector("h1").textContent);
  dialog.querySelector("[data-first], .field")?.focus();
}

/** What was typed is lost only by those who ask twice. */
function leave() {
  const edited = [...dialog.querySelectorAll("textarea, input:not([type='hidden'])")].some((field) => field.value !== field.defaultValue);
  if (edited && !warned) {
    warned = true;
    toast("Your edits are not sent. Close again to drop them.", "error", dialog);
    return;
  }
  dialog.close();
}

dialog.addEventListener("click", (event) => {
  if (event.target !== dialog && !event.target.closest("[data-dialog-close]")) return;
  event.preventDefault();
  leave();
});
dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  leave();
});
dialog.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) dialog.querySelector("form")?.requestSubmit();
  event.stopPropagation(); // the page's own keys rest meanwhile
});
dialog.addEventListener("close", () => dialog.replaceChildren());

// Single letters: whatever link carries the letter is followed.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  if (event.key === "y") document.querySelector("[data-copy-link]")?.click();
  else if (/^[a-zA-Z]$/.test(event.key)) document.querySelector(`a[data-key="${event.key}"]`)?.click();
});
