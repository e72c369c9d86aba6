// What the pages do beyond the kit: live parts, menus, counts, toasts, exact times. Each page works without it.
"use strict";

(() => {
  const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);

  // --- Live parts: <section data-live="/address" data-every="3"> is asked again, and only what differs changes. ---

  const key = (node) => (node.nodeType !== 1 ? "" :
    node.id || node.dataset.key || node.dataset.rowHref || node.getAttribute("href") || node.getAttribute("action") || "");
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);
  // What somebody works in stays as it is: a form with a focus or with typed text, an open menu, a time that is read.
  const typed = (field) =>
    field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
      : field.options ? [...field.options].some((option) => option.selected !== option.defaultSelected)
        : field.defaultValue !== undefined && field.value !== field.defaultValue;
  const busy = (form) => form.contains(document.activeElement) || [...form.elements].some(typed);
  const kept = (node) => node.nodeType === 1 &&
    (node.hasAttribute("data-keep") || node.classList.contains("show") || node.dataset.words !== undefined ||
      (node.nodeName === "FORM" && busy(node)));
  const move = (parent, node, before) =>
    parent.moveBefore ? parent.moveBefore(node, before) : parent.insertBefore(node, before);

  function attributes(from, to) {
    for (const { name, value } of [...to.attributes]) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      // What the reader opened stays open.
      if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
    }
  }

  function morph(from, to) {
    if (from.isEqualNode(to) || kept(from)) return;
    if (from.nodeType !== 1) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    attributes(from, to);
    children(from, to);
  }

  function children(from, to) {
    let here = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      let found = here;
      while (found && !alike(found, wanted)) found = found.nextSibling;
      if (!found) {
        from.insertBefore(wanted.cloneNode(true), here);
        continue;
      }
      // Nodes in front of the one found are gone, unless a later one is still wanted: then this one moves up.
      while (here !== found) {
        const next = here.nextSibling;
        if (stillWanted(here, wanted)) {
          move(from, found, here);
          break;
        }
        drop(here);
        here = next;
      }
      if (here === found) here = found.nextSibling;
      morph(found, wanted);
    }
    while (here) {
      const next = here.nextSibling;
      drop(here);
      here = next;
    }
  }

  // What holds a form that somebody fills in stays until it is sent, also where its subject is gone: sent late, it is
  // refused in words.
  function drop(node) {
    const forms = node.nodeType === 1 ? [...(node.matches("form") ? [node] : []), ...node.querySelectorAll("form")] : [];
    if (!forms.some(busy)) node.remove();
  }

  function stillWanted(node, wanted) {
    for (let later = wanted.nextSibling; later; later = later.nextSibling) if (alike(node, later)) return true;
    return false;
  }

  // A selection of text within a part would break with its nodes: the part waits until it is given up.
  const selecting = (part) => {
    const selection = getSelection();
    return selection && !selection.isCollapsed && part.contains(selection.anchorNode);
  };

  async function refresh(part) {
    if (document.hidden || selecting(part)) return;
    const answer = await fetch(part.dataset.live, { headers: { "X-Live": "1" } }).catch(() => null);
    if (answer && answer.status === 401) return location.reload();
    if (!answer || !answer.ok) return part.setAttribute("data-stale", "");
    part.removeAttribute("data-stale");
    const wanted = document.createElement(part.nodeName);
    wanted.innerHTML = await answer.text();
    if (selecting(part)) return;
    children(part, wanted);
    if (part.querySelector("[data-ended]")) clearInterval(part.timer);
    part.dispatchEvent(new CustomEvent("oms:updated", { bubbles: true }));
  }

  oms.refresh = refresh;
  each("[data-live]", (part) => {
    part.timer = setInterval(refresh, 1000 * Number(part.dataset.every || 3), part);
  });

  // --- Counts in the navigation. ---

  async function count() {
    if (document.hidden) return;
    const answer = await fetch("/console/counts", { headers: { "X-Live": "1" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    const found = await answer.json();
    each("[data-count]", (place) => {
      place.textContent = found[place.dataset.count] || "";
      place.hidden = !place.textContent;
    });
  }

  if (document.querySelector("[data-count]")) {
    count();
    setInterval(count, 15000);
  }

  // --- Menus that are <details data-menu>: Escape or a click elsewhere closes them. ---

  const shut = (menu) => menu.removeAttribute("open");
  // Before the kit's own handler, which looks for a button of its kind beside every menu.
  window.addEventListener("keydown", (event) => {
    const menu = event.target.closest && event.target.closest("details[data-menu][open]");
    if (!menu) return;
    event.stopPropagation();
    if (event.key !== "Escape") return;
    shut(menu);
    menu.querySelector("summary").focus();
  }, true);
  document.addEventListener("click", (event) => {
    each("details[data-menu][open]", (menu) => menu.contains(event.target) || shut(menu));
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) oms.choose(theme.dataset.themeChoice);
    exact(event.target.closest("time[title]"));
    if (event.target.closest("[data-toast] .btn-close")) event.target.closest("[data-toast]").remove();
  });

  // --- Times: a tap shows the exact one, another the words again. ---

  function exact(time) {
    if (!time || time.closest("a, button, summary")) return;
    const words = time.dataset.words || time.textContent;
    time.dataset.words = words;
    time.textContent = time.textContent === words ? time.title : words;
  }

  // --- Toasts: what stands in the page as an alert moves to the corner, and goes after a while. ---

  function toasts() {
    const found = document.querySelectorAll("[data-toast]");
    if (!found.length) return;
    const corner = document.createElement("div");
    corner.className = "toasts";
    document.body.append(corner);
    found.forEach((toast) => {
      const close = document.createElement("button");
      close.type = "button";
      close.className = "btn-close";
      close.setAttribute("aria-label", document.documentElement.lang === "zh-CN" ? "关闭" : "Close");
      toast.append(close);
      corner.append(toast);
      setTimeout(() => toast.remove(), 10000);
    });
  }

  toasts();

  // --- Keys. "/" goes to the search field, as in most consoles. ---

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    const field = document.querySelector(".search input");
    if (event.key === "/" && !typing && field) {
      event.preventDefault();
      field.focus();
    }
  });

  // The navigation of a telephone stands behind the page in the document: opened, it takes the focus.
  const navigation = document.getElementById("navigation");
  if (navigation) navigation.addEventListener("shown.bs.collapse", () => navigation.querySelector("a").focus());
})();
