// Forms in a side panel over the page: <a data-panel href="…"> opens the part `data-panel-body` of that page there.
// Without this script the link opens the page. What is refused comes back into the panel; what is done loads the page anew.
"use strict";

(() => {
  let panel = null;
  let opener = null;

  function build() {
    const chinese = document.documentElement.lang === "zh-CN";
    panel = document.createElement("div");
    panel.className = "offcanvas offcanvas-end side-panel";
    panel.tabIndex = -1;
    panel.id = "side-panel";
    const head = document.createElement("div");
    head.className = "offcanvas-header";
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close ms-auto";
    close.dataset.bsDismiss = "offcanvas";
    close.setAttribute("aria-label", chinese ? "关闭" : "Close");
    head.append(close);
    const body = document.createElement("div");
    body.className = "offcanvas-body";
    panel.append(head, body);
    document.body.append(panel);
    panel.addEventListener("submit", send);
    panel.addEventListener("hidden.bs.offcanvas", () => opener && opener.isConnected && opener.focus());
  }

  // The form of a page; nothing where the page has none.
  function formOf(text) {
    return new DOMParser().parseFromString(text, "text/html").querySelector("[data-panel-body]");
  }

  function show(part) {
    const body = panel.querySelector(".offcanvas-body");
    body.replaceChildren(document.importNode(part, true));
    const title = body.querySelector("h1");
    if (title) panel.setAttribute("aria-label", title.textContent.trim());
    const first = body.querySelector(".is-invalid") ||
      body.querySelector("input:not([type=hidden]), select, textarea") || body.querySelector("button");
    if (first) first.focus();
  }

  async function open(link) {
    const answer = await fetch(link.href).catch(() => null);
    const part = answer && formOf(await answer.text());
    if (!part) return location.assign(link.href);
    if (!panel) build();
    opener = link;
    panel.dataset.href = link.href;
    tabler.Offcanvas.getOrCreateInstance(panel).show();
    show(part);
  }

  async function send(event) {
    const form = event.target;
    if (form.getAttribute("method") !== "post") return;
    event.preventDefault();
    const button = event.submitter;
    const fields = new URLSearchParams(new FormData(form));
    if (button && button.name) fields.append(button.name, button.value);
    if (button) button.disabled = true;
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: fields, redirect: "manual" }).catch(() => null);
    if (button) button.disabled = false;
    if (!answer) return form.submit();
    // Done: the page shows what came of it, and says so.
    if (answer.type === "opaqueredirect") return location.reload();
    const part = formOf(await answer.text());
    if (part) show(part);
    else form.submit();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-panel]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    // What was typed there before is still there.
    if (panel && panel.dataset.href === link.href) return tabler.Offcanvas.getOrCreateInstance(panel).show();
    open(link);
  });
})();
