"use strict";
(() => {
  const key = new URLSearchParams(location.search).get("key") ?? "";
  const rows = document.getElementById("decisions");
  const phase = document.getElementById("phase");
  const done = document.getElementById("done");

  async function refresh() {
    const answer = await fetch("/decisions", { headers: { "x-officer-key": key } });
    if (!answer.ok) return;
    rows.replaceChildren(...(await answer.json()).map((entry) => {
      const row = document.createElement("tr");
      row.className = entry.decision;
      const figures = [
        new Date(entry.decided_at).toLocaleTimeString(), entry.decision, entry.reasons.join(", "),
        entry.score?.toFixed(4) ?? "", entry.threshold?.toFixed(4) ?? "", entry.mode, entry.liveness,
        entry.opened ? "yes" : "no", Math.round(entry.timings.total ?? 0),
      ];
      for (const figure of figures) {
        const cell = document.createElement("td");
        cell.textContent = String(figure);
        row.append(cell);
      }
      return row;
    }));
  }

  done.addEventListener("click", () => fetch("/officer/done", { method: "POST", headers: { "x-officer-key": key } }));
  const events = new EventSource("/events");
  events.onmessage = (event) => {
    const update = JSON.parse(event.data);
    phase.textContent = update.phase;
    done.disabled = !["referred", "tailgate", "out_of_service"].includes(update.phase);
    refresh();
  };
  refresh();
})();
