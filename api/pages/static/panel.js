// Forms in a side panel over the page: <a data-panel href="…"> opens the part `data-panel-body` of that page there.
// Without this script the link opens the page, as it does where that page has no such part.
// What is refused comes back into the panel with what was typed; what is done loads the page anew, which says so.
"use strict";

(() => {
  const panels = new Map();

  // The form of a page; nothing where the page has none.
  const formOf = (text) => new DOMParser().parseFromString(text, "text/html").querySelector("[data-panel-body]");

  function show(panel, part) {
    panel.querySelector("[data-panel-body]")?.remove();
    panel.append(document.importNode(part, true));
    const title = panel.querySelector("h1");
    if (title) panel.setAttribute("aria-label", title.textContent.trim());
    const field = panel.querySelector(".is-invalid") ||
      panel.querySelector("input:not([type=hidden]), select, textarea, form button");
    if (field && panel.open) field.focus();
  }

  function built() {
    const panel = document.createElement("dialog");
    panel.className = "side-panel";
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close";
    close.setAttribute("aria-label", document.documentElement.lang === "zh-CN" ? "关闭" : "Close");
    close.addEventListener("click", () => panel.close());
    panel.append(close);
    panel.addEventListener("submit", (event) => send(panel, event));
    document.body.append(panel);
    return panel;
  }

  async function open(link) {
    // What was typed in a panel that was closed is still there.
    let panel = panels.get(link.href);
    if (!panel) {
      const answer = await fetch(link.href).catch(() => null);
      const part = answer && !answer.redirected && formOf(await answer.text());
      if (!part) return location.assign(link.href);
      panel = built();
      panels.set(link.href, panel);
      show(panel, part);
    }
    if (!panel.open) panel.showModal();
  }

  async function send(panel, event) {
    const form = event.target;
    if (form.getAttribute("method") !== "post") return;
    event.preventDefault();
    const button = event.submitter;
    const fields = new URLSearchParams(new FormData(form));
    if (button && button.name) fields.append(button.name, button.value);
    if (button) button.disabled = true;
    const wanted = { method: "POST", body: fields, redirect: "manual" };
    const answer = await fetch(form.getAttribute("action"), wanted).catch(() => null);
    if (button) button.disabled = false;
    if (answer && answer.type === "opaqueredirect") return location.reload();
    const part = answer && formOf(await answer.text());
    if (part) show(panel, part);
    else form.submit();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-panel]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link);
  });
})();
