// Shows how far a draft is: listens to the plan's events, and loads the page again once there is a plan to read.
(() => {
  document.addEventListener("DOMContentLoaded", () => {
    const shown = document.getElementById("drafting");
    if (!shown) return;
    const again = () => setTimeout(() => location.reload(), 5000);
    if (!window.EventSource) return again();
    const clock = new Intl.DateTimeFormat(document.documentElement.lang, {
      timeStyle: "medium", hourCycle: "h23", timeZone: shown.dataset.zone,
    });
    const stages = [...shown.querySelectorAll("[data-stage]")];
    const reach = (at, event) => {
      // A stage that comes a second time: an answer was of no use, or the playbooks took over from the model.
      const isRepeated = stages[at].classList.contains("is-done");
      const { at: moment, data } = JSON.parse(event.data);
      const byPlaybooks = data.planner === "playbooks";
      if (isRepeated) stages.slice(at + 1).forEach((later) => mark(later, null));
      if (isRepeated || byPlaybooks) {
        shown.querySelector("[data-again]").hidden = byPlaybooks;
        shown.querySelector("[data-playbooks]").hidden = !byPlaybooks;
      }
      mark(stages[at], new Date(moment));
    };
    const mark = (stage, moment) => {
      stage.classList.toggle("is-done", moment !== null);
      stage.querySelector("time").textContent = moment ? clock.format(moment) : "";
    };
    const source = new EventSource(shown.dataset.events);
    stages.forEach((stage, at) => source.addEventListener(stage.dataset.stage, (event) => reach(at, event)));
    source.addEventListener("plan.drafted", () => { source.close(); location.reload(); });
    // A lost connection is made again by the browser; one that is refused is not, so the page asks again itself.
    source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) again(); });
  });
})();
