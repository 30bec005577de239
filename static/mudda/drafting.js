// Shows how far a draft is: listens to the plan's events, and loads the page again once there is a plan to read.
(() => {
  const words = {
    "plan.category_found": "The kind of issue is known.",
    "plan.policies_found": "The policies that concern it are found.",
    "plan.written": "The plan is written.",
    "plan.validated": "The plan is checked.",
  };

  document.addEventListener("DOMContentLoaded", () => {
    const shown = document.getElementById("drafting");
    if (!shown) return;
    const again = () => setTimeout(() => location.reload(), 5000);
    if (!window.EventSource) return again();
    const told = new Set();
    const source = new EventSource(shown.dataset.events);
    for (const [type, sentence] of Object.entries(words)) {
      source.addEventListener(type, () => {
        if (told.has(type)) return;
        told.add(type);
        const line = document.createElement("li");
        line.textContent = sentence;
        shown.querySelector("ul").append(line);
      });
    }
    source.addEventListener("plan.drafted", () => { source.close(); location.reload(); });
    // A lost connection is made again by the browser; one that is refused is not, so the page asks again itself.
    source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) again(); });
  });
})();
