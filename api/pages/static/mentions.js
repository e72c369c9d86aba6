// Names while somebody types @ in a note: <textarea data-mentions="ID"> offers the options of the select ID. Arrows
// choose, Enter or Tab takes, Escape closes. Without this script the name is typed out; the server reads the text alone.
"use strict";

(() => {
  const MOST = 8;
  // As domain/collaboration.py reads a mention: no sign of an e-mail address or a path stands before it.
  const BEGUN = /(?<![A-Za-z0-9._+@/-])@([A-Za-z0-9._-]*)$/;

  function made(tag, attributes) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }

  function offering(field, number) {
    const names = [...document.getElementById(field.dataset.mentions).options].map((one) => one.value).filter(Boolean);
    const list = made("div", { class: "dropdown-menu w-100", role: "listbox", id: `mentions-${number}` });
    list.setAttribute("aria-label", field.dataset.mentionsLabel);
    const said = made("div", { class: "visually-hidden", role: "status" });
    field.after(list, said);
    field.parentElement.classList.add("position-relative");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-haspopup", "listbox");
    let chosen = -1;

    const isOpen = () => list.classList.contains("show");
    const begun = () => BEGUN.exec(field.value.slice(0, field.selectionStart));

    function close() {
      list.classList.remove("show");
      list.replaceChildren();
      said.textContent = "";
      for (const name of ["aria-controls", "aria-activedescendant"]) field.removeAttribute(name);
    }

    function choose(at) {
      chosen = (at + list.children.length) % list.children.length;
      [...list.children].forEach((item, place) => {
        item.classList.toggle("active", place === chosen);
        item.setAttribute("aria-selected", place === chosen);
      });
      field.setAttribute("aria-activedescendant", list.children[chosen].id);
    }

    function take(name) {
      const until = field.selectionStart, from = until - begun()[1].length;
      close();
      // As typed, so that the browser's own undo takes it back.
      field.setSelectionRange(from, until);
      if (!document.execCommand("insertText", false, `${name} `)) field.setRangeText(`${name} `, from, until, "end");
      close();
    }

    function show() {
      const typed = begun();
      const fits = typed && field.selectionStart === field.selectionEnd
        ? names.filter((name) => name.toLowerCase().startsWith(typed[1].toLowerCase())).slice(0, MOST) : [];
      if (!fits.length) return close();
      list.replaceChildren(...fits.map((name, place) => {
        const item = made("div", { class: "dropdown-item", role: "option", id: `mentions-${number}-${place}` });
        item.textContent = name;
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();  // the field keeps the focus
          take(name);
        });
        return item;
      }));
      list.classList.add("show");
      said.textContent = field.dataset.mentionsFound.replace("{count}", fits.length);
      field.setAttribute("aria-controls", list.id);
      choose(0);
    }

    field.addEventListener("input", show);
    field.addEventListener("click", show);
    field.addEventListener("blur", close);
    field.addEventListener("keydown", (event) => {
      if (!isOpen() || event.isComposing) return;
      if (event.key === "ArrowDown") choose(chosen + 1);
      else if (event.key === "ArrowUp") choose(chosen - 1);
      else if (event.key === "Enter" || event.key === "Tab") take(list.children[chosen].textContent);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  document.querySelectorAll("textarea[data-mentions]").forEach(offering);
})();
