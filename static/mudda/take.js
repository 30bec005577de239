// A value that is taken from the list goes into its field at once: into a text where the cursor is, else in the place
// of what is there. Without this the server does it when the form is sent, at the end of a text.
(() => {
  function take(row, chosen) {
    const field = row.querySelector("input[type=text], textarea");
    if (!field || !chosen.value) return;
    if (row.dataset.kind === "words") {
      field.setRangeText(chosen.value, field.selectionStart, field.selectionEnd, "end");
    } else {
      field.value = chosen.value;
    }
    chosen.value = "";
    field.focus();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".md-input-row").forEach((row) => {
      const chosen = row.querySelector(".md-take select");
      const field = row.querySelector("input[type=text], textarea");
      if (!chosen || !field) return;
      let touched = false;
      field.addEventListener("focus", () => { touched = true; }, { once: true });
      chosen.addEventListener("change", () => {
        // Before anybody has been in the field its cursor is at the beginning, where nobody has put it.
        if (!touched) field.setSelectionRange(field.value.length, field.value.length);
        take(row, chosen);
      });
    });
  });
})();
