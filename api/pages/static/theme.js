// The theme is set before the page is painted: what the reader chose, else what the system prefers.
"use strict";

const oms = (() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => {
    try { return localStorage.getItem("oms-theme") || "auto"; } catch { return "auto"; }
  };
  const apply = () => {
    const chosen = kept();
    root.dataset.bsTheme = chosen === "auto" ? (system.matches ? "dark" : "light") : chosen;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
    }
  };
  const choose = (theme) => {
    try { localStorage.setItem("oms-theme", theme); } catch { /* kept for this page alone */ }
    apply();
  };
  root.classList.add("js");
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", apply);
  apply();
  return { choose };
})();
