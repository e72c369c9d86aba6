// Keys for those who spend their day here: j and k move between rows, Ctrl-K or Cmd-K opens the command palette; and
// a link that asks for it opens its page as a side panel. Links and the search field do the same without this.
"use strict";

(() => {
  const typing = () => /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);

  // --- j and k: the link of the next or previous row takes the focus, and Enter opens it. ---

  function move(by) {
    const rows = [...document.querySelectorAll("[data-row-href]")];
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

  // --- Side panels: <a data-panel> shows the main part of its page over this one. Its forms are sent as on the page. ---

  const panels = new Map();

  async function panel(link) {
    const answer = await fetch(link.href).catch(() => null);
    if (!answer || !answer.ok || answer.redirected) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const made = document.createElement("dialog");
    made.className = "side-panel";
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close";
    close.setAttribute("aria-label", document.documentElement.lang === "zh-CN" ? "关闭" : "Close");
    close.addEventListener("click", () => made.close());
    made.append(close, ...page.getElementById("main").childNodes);
    const title = made.querySelector("h1, h2");
    if (title) made.setAttribute("aria-label", title.textContent.trim());
    document.body.append(made);
    return made;
  }

  // A panel that was closed keeps what was typed in it.
  async function showPanel(link) {
    const shown = panels.get(link.href) || await panel(link);
    if (!shown) return location.assign(link.href);
    panels.set(link.href, shown);
    shown.showModal();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-panel]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    showPanel(link);
  });
})();
