// Passkeys: the button of <form data-passkey="create|get" data-options="JSON"> asks the browser, and sends its answer.
"use strict";

(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  function options(form) {
    const asked = JSON.parse(form.dataset.options);
    asked.challenge = bytes(asked.challenge);
    if (asked.user) asked.user.id = bytes(asked.user.id);
    for (const list of [asked.excludeCredentials, asked.allowCredentials])
      for (const one of list || []) one.id = bytes(one.id);
    return { publicKey: asked };
  }

  function answer(key) {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (key.response[name]) response[name] = text(key.response[name]);
    return JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, response });
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const failed = document.querySelector("[data-passkey-failed]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      failed.hidden = true;
      try {
        const key = await navigator.credentials[form.dataset.passkey](options(form));
        form.elements.answer.value = answer(key);
        form.submit();
      } catch {
        failed.hidden = false;
      }
    });
  }
})();
