// Follows a run: puts its new state in place as soon as something happens, leaving open what is open.
//
// It listens to the run's events (data-events) as long as the page is looked at: a browser has few connections for one
// site, and a page in the background needs none. Where events can't be had it asks every data-follow milliseconds.
(() => {
  const SETTLE = 150; // milliseconds: several events come together
  const SELDOM = 20000; // while it listens: what takes time goes on, and a proxy may keep events back
  const root = () => document.getElementById("follow");
  const keep = (shown) => new Map([...shown.querySelectorAll("details[data-keep]")].map((d) => [d.dataset.keep, d.open]));

  let source = null;
  let last = 0; // the number of the last event
  let timer = null;
  let busy = false;
  let again = false;

  // How to find again what had the focus: what carries an id, a summary by its details, a link by its address.
  function focusOf(shown) {
    const element = document.activeElement;
    if (!shown.contains(element)) return null;
    const key = element.closest("details[data-keep]")?.dataset.keep;
    const href = element.getAttribute("href");
    const query = element.id ? `#${CSS.escape(element.id)}`
      : element.matches("summary") && key ? `details[data-keep="${CSS.escape(key)}"] > summary`
        : href ? `a[href="${CSS.escape(href)}"]` : null;
    return query && (() => document.querySelector(`#follow ${query}, #follow${query}`)?.focus({ preventScroll: true }));
  }

  // Somebody is reading: a selected text, a menu or a field in use must not be taken from under their hands.
  function inUse(shown) {
    const chosen = document.getSelection();
    if (chosen && !chosen.isCollapsed && shown.contains(chosen.anchorNode)) return true;
    return shown.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
  }

  function tell(state) {
    const sign = document.getElementById("follow-live");
    if (!sign) return;
    sign.hidden = state === "over";
    sign.dataset.state = state;
    sign.textContent = sign.dataset[state] ?? "";
  }

  function announce(words) {
    const spoken = document.getElementById("follow-said");
    if (spoken && words && spoken.textContent !== words) spoken.textContent = words;
  }

  function put(fresh) {
    const shown = root();
    const open = keep(shown);
    fresh.querySelectorAll("details[data-keep]").forEach((d) => {
      if (open.has(d.dataset.keep)) d.open = open.get(d.dataset.keep);
    });
    const panes = [...shown.querySelectorAll(".md-graph-pane")].map((pane) => [pane.scrollLeft, pane.scrollTop]);
    const focused = focusOf(shown);
    const placed = document.importNode(fresh, true);
    shown.replaceWith(placed);
    placed.querySelectorAll(".md-graph-pane").forEach((pane, at) => pane.scrollTo(...(panes[at] ?? [0, 0])));
    focused?.();
    announce(placed.dataset.said);
  }

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    let wait = SELDOM;
    try {
      const shown = root();
      if (!document.hidden && !inUse(shown)) {
        const response = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
        if (!response.ok) throw new Error(response.status);
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        put(page.getElementById("follow"));
      }
      if (!listening()) wait = pause();
      tell(listening() ? "live" : "asking");
    } catch { // the server is away or we are signed out: the page stays as it was
      tell("away");
      wait = Math.max(pause(), 2000);
    }
    busy = false;
    if (!root().dataset.follow) return stop();
    schedule(again ? SETTLE : wait);
    again = false;
  }

  const pause = () => Number(root()?.dataset.follow) || 2000;
  const listening = () => source !== null && source.readyState === EventSource.OPEN;

  function schedule(wait) {
    clearTimeout(timer);
    timer = setTimeout(refresh, wait);
  }

  function stop() {
    clearTimeout(timer);
    source?.close();
    source = null;
    tell("over");
  }

  function listen() {
    const address = root().dataset.events;
    if (!address || !window.EventSource || source !== null || document.hidden) return;
    source = new EventSource(`${address}?after=${last}`);
    source.addEventListener("open", () => { tell("live"); schedule(SELDOM); });
    source.addEventListener("error", () => {
      // The browser connects again by itself, unless it was refused: then the page asks instead.
      if (source?.readyState === EventSource.CLOSED) source = null;
      tell(source === null ? "asking" : "away");
      schedule(pause());
    });
    for (const type of (root().dataset.types ?? "").split(" ").filter(Boolean)) {
      source.addEventListener(type, (event) => {
        last = Math.max(last, Number(event.lastEventId) || 0);
        schedule(SETTLE);
      });
    }
  }

  function looked() {
    if (!root()?.dataset.follow) return;
    if (document.hidden) {
      source?.close();
      source = null;
      clearTimeout(timer);
    } else {
      listen();
      schedule(SETTLE);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const shown = root();
    if (!shown?.dataset.follow) return;
    last = Number(shown.dataset.last) || 0;
    tell("asking");
    listen();
    schedule(pause());
    document.addEventListener("visibilitychange", looked);
  });
})();
