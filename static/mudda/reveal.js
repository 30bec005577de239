// Opens what is folded around the place that a link leads to. Newer browsers do so themselves.
(() => {
  function reveal(hash) {
    const place = hash && hash.length > 1 ? document.getElementById(hash.slice(1)) : null;
    for (let fold = place?.closest("details:not([open])"); fold; fold = fold.closest("details:not([open])")) fold.open = true;
    return place;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link) reveal(link.getAttribute("href"));
  });
  document.addEventListener("DOMContentLoaded", () => {
    const place = reveal(location.hash);
    if (place?.closest("[data-keep='never-began']")) place.scrollIntoView();
  });
})();
