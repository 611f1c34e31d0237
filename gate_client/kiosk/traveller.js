"use strict";
(async () => {
  const messages = await (await fetch("/messages.json")).json();
  const say = document.getElementById("say");
  const oval = document.getElementById("oval");
  const languages = document.getElementById("languages");
  let language = "zh-Hant";
  let key = "wait";

  function render() {
    document.documentElement.lang = language;
    say.textContent = messages[language][key] ?? "";
    oval.hidden = !["look_at_camera", "closer"].includes(key);
    for (const button of languages.children) button.setAttribute("aria-pressed", String(button.lang === language));
  }

  for (const [code, texts] of Object.entries(messages)) {
    const button = document.createElement("button");
    button.type = "button";
    button.lang = code;
    button.textContent = texts.language;
    button.addEventListener("click", () => { language = code; render(); });
    languages.append(button);
  }

  // A decision stays readable before the next instruction replaces it.
  let heldUntil = 0;
  let pending = 0;
  const events = new EventSource("/events");
  events.onmessage = (event) => {
    const update = JSON.parse(event.data);
    clearTimeout(pending);
    const show = () => { key = update.say; render(); };
    if (update.decided) { heldUntil = Date.now() + 4000; show(); }
    else pending = setTimeout(show, update.phase === "idle" ? Math.max(0, heldUntil - Date.now()) : 0);
  };
  events.onerror = () => { key = "closed"; render(); };
  render();
})();
