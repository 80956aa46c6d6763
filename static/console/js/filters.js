// The filters of a list: a short address, menus that close, a list that shows it is being asked again.
const form = document.getElementById("filter-form");

form?.addEventListener("formdata", ({ formData }) => {
  for (const name of new Set(formData.keys())) {
    const given = formData.getAll(name).filter((value) => value.trim());
    formData.delete(name);
    // A moment may come from the address and from a field: the field is the later one.
    const kept = name === "since" || name === "until" ? given.slice(-1) : given;
    for (const value of kept) formData.append(name, value);
  }
});

form?.addEventListener("change", (event) => {
  if (event.target.matches("select, [name='children'], [list]")) form.requestSubmit();
});

form?.addEventListener("submit", () => document.querySelector("sb-live-list")?.setAttribute("aria-busy", "true"));
addEventListener("pageshow", () => document.querySelector("sb-live-list")?.removeAttribute("aria-busy"));

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  }
});
