// Keys for those who spend their day here: j and k move between rows, Ctrl-K or Cmd-K opens the command palette. Links
// and the search field do the same without this.
"use strict";

(() => {
  const typing = () => /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);

  // --- j and k: the link of the next or previous row takes the focus, and Enter opens it. ---

  function move(by) {
    const rows = [...document.querySelectorAll("[data-row-href]")].filter((row) => !row.closest("[data-orders]"));
    if (!rows.length) return;
    const here = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[Math.min(Math.max(here + by, 0), rows.length - 1)];
    row.querySelector("a").focus();
    row.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row-href]");
    if (!row || row.closest("[data-orders]") || event.target.closest("a, button, input, label, summary, time")) return;
    if (String(getSelection())) return;
    location.assign(row.dataset.rowHref);
  });

  // --- The palette: every link of the navigation, and the search, by a few letters. ---

  const palette = document.getElementById("palette");
  const field = palette && palette.querySelector("input");
  const list = palette && palette.querySelector("ul");
  const search = palette && palette.querySelector("[data-search]");

  function show() {
    const words = field.value.trim();
    for (const item of list.children) item.hidden = !item.textContent.toLowerCase().includes(words.toLowerCase());
    search.parentElement.hidden = !words;
    search.querySelector("b").textContent = words;
    search.href = `/console/orders?q=${encodeURIComponent(words)}`;
  }

  function open() {
    field.value = "";
    show();
    palette.showModal();
    field.focus();
  }

  function step(event) {
    const links = [...list.querySelectorAll("li:not([hidden]) a")];
    const here = links.indexOf(document.activeElement);
    if (event.key === "Enter" && here < 0 && links.length) location.assign(links[0].href);
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const next = links[here + (event.key === "ArrowDown" ? 1 : -1)];
    (next || field).focus();
  }

  if (palette) {
    field.addEventListener("input", show);
    palette.addEventListener("keydown", step);
    palette.addEventListener("click", (event) => event.target === palette && palette.close());
  }

  document.addEventListener("keydown", (event) => {
    if (palette && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (!palette.open) open();
    } else if (!typing() && !event.ctrlKey && !event.metaKey && !event.altKey && !document.querySelector("dialog[open]")) {
      if (event.key === "j") move(1);
      if (event.key === "k") move(-1);
    }
  });
})();
