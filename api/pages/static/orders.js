// The table of orders: a click on a row opens it, j and k go through the rows, a box in the head chooses all of them.
// Each works without it: rows have a link, boxes and a form.
"use strict";

(() => {
  const table = () => document.querySelector("[data-orders]");
  const boxes = () => [...document.querySelectorAll("[data-orders] input[name=order_no]")];
  const all = () => document.querySelector("[data-select-all]");

  function show() {
    const chosen = boxes().filter((box) => box.checked).length;
    const count = document.querySelector("[data-selected-count]");
    if (count) count.textContent = chosen ? `(${chosen})` : "";
    // The actions on many come up with the first choice; without a script they always stand there.
    const bar = document.getElementById("bulk");
    if (bar) bar.hidden = chosen === 0 && !(bar.elements.all && bar.elements.all.checked);
    const head = all();
    if (head) {
      head.hidden = false;
      head.checked = chosen > 0 && chosen === boxes().length;
      head.indeterminate = chosen > 0 && chosen < boxes().length;
    }
    // Rows that somebody has chosen stay where they are until the choice is given up.
    const body = table() && table().tBodies[0];
    if (body) body.toggleAttribute("data-keep", chosen > 0);
  }

  document.addEventListener("change", (event) => {
    if (event.target === all()) boxes().forEach((box) => { box.checked = event.target.checked; });
    if (event.target.closest("[data-orders]")) show();
  });
  document.addEventListener("oms:updated", show);

  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-orders] [data-row-href]");
    if (!row || event.defaultPrevented || event.button || event.target.closest("a, button, input, label, time, summary")) return;
    if (String(getSelection())) return;
    if (event.ctrlKey || event.metaKey) return void open(row.dataset.rowHref);
    location.assign(row.dataset.rowHref);
  });

  document.addEventListener("keydown", (event) => {
    const step = { j: 1, k: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.nodeName)
      && document.activeElement.type !== "checkbox") return;
    const links = [...document.querySelectorAll("[data-orders] tbody a.no")];
    const row = document.activeElement.closest("tr");
    const at = links.findIndex((link) => link.closest("tr") === row);
    const next = links[at < 0 ? 0 : at + step];
    if (next) next.focus();
  });

  show();
})();
