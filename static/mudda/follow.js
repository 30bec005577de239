// Follows a run: fetches the page again and puts the new state in place, leaving open what is open.
(() => {
  const keep = (root) => new Set([...root.querySelectorAll("details[open][data-keep]")].map((d) => d.dataset.keep));

  // How to find again what had the focus: a summary by its details, a link by its address.
  function focusOf(shown) {
    const element = document.activeElement;
    if (!shown.contains(element)) return null;
    const key = element.closest("details[data-keep]")?.dataset.keep;
    const query = element.matches("summary") && key
      ? `details[data-keep="${CSS.escape(key)}"] > summary` : `a[href="${CSS.escape(element.getAttribute("href") ?? "")}"]`;
    return () => document.querySelector(`#follow ${query}`)?.focus({ preventScroll: true });
  }

  async function refresh() {
    const shown = document.getElementById("follow");
    if (!shown || !shown.dataset.follow) return;
    const pause = Number(shown.dataset.follow);
    try {
      if (!document.hidden) {
        const response = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
        if (!response.ok) throw new Error(response.status);
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = page.getElementById("follow");
        const open = keep(shown);
        fresh.querySelectorAll("details[data-keep]").forEach((d) => { d.open = open.has(d.dataset.keep); });
        const focused = focusOf(shown);
        shown.replaceWith(document.importNode(fresh, true));
        focused?.();
      }
    } catch { /* the server is away or we are signed out: try again, the page stays as it was */ }
    setTimeout(refresh, pause);
  }

  document.addEventListener("DOMContentLoaded", () => setTimeout(refresh, 1000));
})();
