// Live parts: <section data-live="/address" data-every="3"> is fetched again while the page is looked at.
"use strict";

async function refresh(part) {
  if (document.hidden || part.contains(document.activeElement)) return;
  const answer = await fetch(part.dataset.live, { headers: { "X-Live": "1" } }).catch(() => null);
  if (answer && answer.status === 401) return location.reload();
  if (!answer || !answer.ok) return part.setAttribute("data-stale", "");
  part.removeAttribute("data-stale");
  part.innerHTML = await answer.text();
  if (part.querySelector("[data-ended]")) clearInterval(part.timer);
}

for (const part of document.querySelectorAll("[data-live]")) {
  part.timer = setInterval(refresh, 1000 * Number(part.dataset.every || 3), part);
}

// "/" goes to the search field, as in most consoles.
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
  const field = document.querySelector(".search input");
  if (event.key === "/" && !typing && field) {
    event.preventDefault();
    field.focus();
  }
});
