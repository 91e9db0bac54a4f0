// What the keyboard does, where the page stands when it opens, and what is said where an answer is not shown.
"use strict";
(() => {
  const toEnd = () => {
    const scroll = document.getElementById("scroll");
    if (scroll && !location.hash) scroll.scrollTop = scroll.scrollHeight;
  };

  const isTyping = (element) => element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));

  const move = (by) => {
    const rows = Array.from(document.querySelectorAll(".row a"));
    if (rows.length === 0) return;
    const at = rows.indexOf(document.activeElement);
    rows[Math.min(Math.max(at + by, 0), rows.length - 1)].focus();
  };

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (target.id === "text" && key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      target.form.requestSubmit();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(target)) {
      if (key === "Escape") target.blur();
      return;
    }
    if (key === "j" || key === "k") {
      move(key === "j" ? 1 : -1);
      event.preventDefault();
      return;
    }
    const wanted = ["/", "r", "u"].includes(key) && document.querySelector(`[data-key="${key}"]`);
    if (wanted) {
      event.preventDefault();
      if (wanted.tagName === "A") wanted.click();
      else wanted.focus();
    }
  });

  // An answer that has no place in the page, or none at all, is told in words; until one is shown again.
  const tell = (words) => {
    const place = document.getElementById("failed");
    if (!place) return;
    place.replaceChildren();
    if (!words) return;
    const said = document.createElement("p");
    said.className = "alert";
    said.textContent = words;
    place.append(said);
  };
  document.addEventListener("htmx:responseError", (event) => {
    const { tooLarge, noAnswer, notDone } = document.body.dataset;
    const { status } = event.detail.xhr;
    if (status === 413) tell(tooLarge);
    else tell([502, 503, 504].includes(status) ? noAnswer : notDone);
  });
  document.addEventListener("htmx:sendError", () => tell(document.body.dataset.noAnswer));
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.shouldSwap) tell("");
  });

  // The next answer can be written at once.
  document.addEventListener("recado:sent", () => {
    setTimeout(() => {
      const text = document.getElementById("text");
      if (text) text.focus();
      toEnd();
    });
  });
  // A day that goes on below is not named twice.
  document.addEventListener("htmx:afterSettle", () => {
    for (const day of document.querySelectorAll(".messages .day")) {
      const first = document.getElementById(day.id);
      if (first !== day) day.remove();
    }
  });
  document.addEventListener("DOMContentLoaded", toEnd);
})();
