// Single keys for those who work through many tasks. What a key does is told by the element that it presses
// (aria-keyshortcuts), so that nothing can be pressed that isn't there. The list of them can switch them off.
(() => {
  const OFF = "mudda.keys.off";
  const FIELD = ":is(input:not([type=hidden], [hidden]), textarea, select, button, summary):not([aria-hidden], [disabled])";
  const off = () => { try { return localStorage.getItem(OFF) === "1"; } catch { return false; } };
  const typing = (element) => element?.closest("input:not([type=checkbox], [type=radio], [type=submit]), textarea, select, [contenteditable]");
  const shown = (element) => element.getClientRects().length > 0;

  function rows() { return [...document.querySelectorAll("[data-row]")].filter(shown); }

  function move(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
    const link = all[next].querySelector("a");
    link.focus();
    link.scrollIntoView({ block: "nearest" });
  }

  // The one in the row that has the focus, else the first on the page.
  function pressed(key) {
    const all = [...document.querySelectorAll(`[aria-keyshortcuts~="${CSS.escape(key)}"]`)].filter(shown);
    const row = document.activeElement?.closest("[data-row]");
    return all.find((one) => row?.contains(one)) ?? all[0];
  }

  function press(element) {
    if (element.matches("details")) element.open = !element.open;
    else if (element.matches("form")) element.querySelector(FIELD)?.focus();
    else if (element.matches("input, textarea, select")) element.focus();
    else element.click();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && typing(document.activeElement)) return document.activeElement.blur();
    if (typing(event.target) || off()) return;
    if (event.key === "j" || event.key === "k") {
      if (rows().length) { event.preventDefault(); move(event.key === "j" ? 1 : -1); }
      return;
    }
    const element = event.key.length === 1 ? pressed(event.key) : null;
    if (!element) return;
    event.preventDefault();
    press(element);
  });

  document.addEventListener("DOMContentLoaded", () => {
    const box = document.getElementById("keys-on");
    if (!box) return;
    box.closest("[hidden]")?.removeAttribute("hidden");
    box.checked = !off();
    box.addEventListener("change", () => {
      try { localStorage.setItem(OFF, box.checked ? "0" : "1"); } catch { /* then for this page only */ }
    });
  });
})();
