// Scans of the warehouse: each gets an id, is kept in this browser until the server has answered, and is sent in order.
// The server counts an id once, so sending again is harmless. Without this script each scan is a form of its own.
"use strict";

(() => {
  const box = document.querySelector("[data-scans]");
  if (!box) return;
  const words = box.dataset;
  const form = document.querySelector("form[data-scan]");
  const prefix = `oms-scan:${words.scans}:`;
  const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix)).sort();
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let count = 0;
  let sending = false;

  // --- What the picker sees and hears. ---

  let audio = null;
  function tone(good) {
    audio = audio || (window.AudioContext && new AudioContext());
    if (!audio) return;
    const [sound, loud] = [audio.createOscillator(), audio.createGain()];
    sound.frequency.value = good ? 880 : 196;
    loud.gain.value = 0.2;
    sound.connect(loud).connect(audio.destination);
    sound.start();
    sound.stop(audio.currentTime + (good ? 0.08 : 0.45));
    if (!good && navigator.vibrate) navigator.vibrate(300);
  }

  function show(kind, title, text) {
    const place = box.querySelector("[data-scan-result]");
    place.className = `alert alert-${kind}`;
    place.querySelector("[data-title]").textContent = title;
    place.querySelector("[data-text]").textContent = text;
    place.hidden = false;
  }

  function waiting() {
    const place = box.querySelector("[data-scan-waiting]");
    const open = keys().length;
    place.hidden = open === 0;
    place.firstElementChild.textContent = words.waiting.replace("{count}", open);
  }

  // --- Keeping and sending. ---

  function keep(code) {
    const { csrf, photograph, ...fields } = Object.fromEntries(new FormData(form));
    const at = Date.now().toString(36).padStart(10, "0") + String(count++).padStart(5, "0");
    localStorage.setItem(prefix + at + random(), JSON.stringify({ action: form.getAttribute("action"), fields: { ...fields, code, key: random() } }));
    waiting();
    send();
  }

  async function send() {
    if (sending) return;
    sending = true;
    try {
      for (let key = keys()[0]; key; key = keys()[0]) {
        const scan = JSON.parse(localStorage.getItem(key));
        if (!(await sent(scan))) break;
        localStorage.removeItem(key);
      }
    } finally {
      sending = false;
      waiting();
    }
  }

  // False where the server has not decided: the scan is kept.
  async function sent(scan) {
    const body = new URLSearchParams({ ...scan.fields, csrf: words.csrf });
    const headers = { "X-Live": "1", "X-Scan": "1" };
    const answer = await fetch(scan.action, { method: "POST", body, headers }).catch(() => null);
    const decided = answer && (answer.ok || [404, 409, 422].includes(answer.status));
    const said = decided ? await answer.json().catch(() => null) : null;
    if (!said) {
      const expired = answer && [401, 403].includes(answer.status);
      show("warning", expired ? words.expired : words.offline, scan.fields.code);
      return false;
    }
    show(said.kind, said.title, said.text);
    tone(said.kind === "success");
    document.querySelectorAll("[data-live]").forEach((part) => window.oms && oms.refresh && oms.refresh(part));
    return true;
  }

  addEventListener("online", send);
  setInterval(() => keys().length && send(), 5000);

  if (form) {
    const field = form.elements.code;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const code = field.value.trim();
      field.value = "";
      field.focus();
      if (code) keep(code);
    });
    if (!camera(form, field)) photographs(form);
  }
  waiting();
  send();

  // --- The camera, where the browser reads barcodes. ---

  function camera(at, field) {
    const button = at.querySelector("[data-camera]");
    const video = at.querySelector("video");
    if (!("BarcodeDetector" in window) || !navigator.mediaDevices || !button) return false;
    button.hidden = false;
    at.querySelector("[data-photograph]").hidden = true;
    let stream = null;
    let last = { code: "", at: 0 };
    button.addEventListener("click", async () => {
      if (stream) {
        stream.getTracks().forEach((track) => track.stop());
        stream = null;
        video.hidden = true;
        return;
      }
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).catch(() => null);
      if (!stream) return show("warning", words.camera, "");
      video.srcObject = stream;
      video.hidden = false;
      await video.play();
      const detector = new BarcodeDetector();
      const look = async () => {
        if (!stream) return;
        const [found] = await detector.detect(video).catch(() => []);
        // A piece stays in view for a while: the same code counts again after two seconds.
        if (found && (found.rawValue !== last.code || Date.now() - last.at > 2000)) {
          last = { code: found.rawValue, at: Date.now() };
          field.value = found.rawValue;
          at.requestSubmit();
        }
        setTimeout(look, 150);
      };
      look();
    });
    return true;
  }

  // --- Elsewhere a photograph: the server reads it, then it is a scan like any other. ---

  function photographs(at) {
    const box = at.querySelector("[data-photograph]");
    const chosen = box && box.querySelector("input");
    if (!chosen) return;
    chosen.addEventListener("change", async () => {
      if (!chosen.files.length) return;
      const body = new FormData();
      body.append("csrf", words.csrf);
      body.append("photograph", chosen.files[0]);
      chosen.value = "";
      const answer = await fetch(box.dataset.photograph, { method: "POST", body, headers: { "X-Live": "1" } }).catch(() => null);
      const read = answer && (await answer.json().catch(() => null));
      if (read && read.code) return keep(read.code);
      show("warning", (read && read.title) || (answer && [401, 403].includes(answer.status) ? words.expired : words.unread), "");
      tone(false);
    });
  }
})();
