// Moves a graph that is larger than its place to where something goes on; without it, it is scrolled by hand.
(() => {
  function centre(pane) {
    const step = pane.querySelector(".md-is-failed, .md-is-waiting, .md-is-running") ?? pane.querySelector(".md-graph-step");
    if (!step) return;
    const [place, box] = [pane.getBoundingClientRect(), step.getBoundingClientRect()];
    pane.scrollLeft += box.left + box.width / 2 - place.left - place.width / 2;
    pane.scrollTop += box.top + box.height / 2 - place.top - place.height / 2;
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".md-graph-pane").forEach(centre));
})();
