// Gives select2's search fields the name of the field that they search for: without one a screen reader says nothing.
(() => {
  function nameThem() {
    for (const search of document.querySelectorAll(".select2-search__field:not([aria-label])")) {
      const select = search.closest(".select2")?.previousElementSibling
        ?? document.querySelector("select.select2-hidden-accessible + .select2-container--open")?.previousElementSibling;
      const label = select?.id && document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
      if (label) search.setAttribute("aria-label", label.textContent.trim());
    }
  }

  window.addEventListener("load", () => {
    nameThem();
    new MutationObserver(nameThem).observe(document.body, { childList: true, subtree: true });
  });
})();
