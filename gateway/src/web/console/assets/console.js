// What the keyboard does, and where the page stands when it opens.
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
