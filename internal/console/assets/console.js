// What the pages do beyond links and forms: tick all, and refresh what is live.
// Without this script everything still works.
"use strict";

document.addEventListener("change", (event) => {
  const all = event.target;
  if (!(all instanceof HTMLInputElement) || !("all" in all.dataset)) return;
  for (const box of all.form.querySelectorAll('input[name="id"]')) box.checked = all.checked;
});

// Elements with data-live="seconds" are read anew, unless the page is hidden or
// the person has paused it.
const live = [...document.querySelectorAll("[data-live]")];
let paused = false;

async function refresh() {
  if (paused || document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of live) {
      const next = fresh.getElementById(old.id);
      const busy = old.contains(document.activeElement) || old.querySelector("details[open]");
      if (next && !busy) old.replaceChildren(...next.childNodes);
    }
  } catch { /* the next turn tries again */ }
}

if (live.length > 0) {
  setInterval(refresh, 1000 * Math.max(1, Number(live[0].dataset.live)));
  const button = document.querySelector("[data-pause]");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      paused = !paused;
      button.textContent = paused ? "Go on" : "Pause";
      button.setAttribute("aria-pressed", String(paused));
    });
  }
}
