// Keeps what is shown as it is: the gateway says that something changed, the page asks for it, and only what
// differs is put in its place.
"use strict";
(() => {
  let source = null;
  let url = null;
  let running = false;
  let again = false;
  let retry = 0;

  const root = () => document.querySelector("[data-live]");

  const sync = (list, next, announce) => {
    const wanted = new Set(Array.from(next.children, (item) => item.id));
    for (const item of Array.from(list.children)) {
      if (!wanted.has(item.id)) item.remove();
    }
    let place = list.firstElementChild;
    for (const fresh of Array.from(next.children)) {
      const old = document.getElementById(fresh.id);
      // A day that begins in what was loaded before.
      if (old && old.parentElement !== list) continue;
      if (!old) {
        const item = document.importNode(fresh, true);
        item.classList.add("fresh");
        list.insertBefore(item, place);
        if (announce && item.dataset.direction === "inbound") {
          const text = item.querySelector(".text");
          announce.textContent = `${list.dataset.new}: ${text ? text.textContent : ""}`;
        }
        continue;
      }
      let item = old;
      const shown = old.cloneNode(true);
      shown.classList.remove("fresh");
      if (shown.outerHTML !== fresh.outerHTML) {
        item = document.importNode(fresh, true);
        const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
        if (place === old) place = item;
        old.replaceWith(item);
        const focus = focused && document.getElementById(focused);
        if (focus) focus.focus();
      }
      if (item === place) {
        place = place.nextElementSibling;
      } else {
        list.insertBefore(item, place);
      }
    }
  };

  const load = async (address) => {
    const response = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    const to = response.headers.get("HX-Redirect");
    if (to) {
      location.reload();
      return null;
    }
    if (!response.ok) return null;
    return new DOMParser().parseFromString(await response.text(), "text/html");
  };

  const panel = async (address) => {
    const shown = document.getElementById("panel");
    const typing = shown.contains(document.activeElement) ||
      Array.from(shown.querySelectorAll("textarea, input:not([type=hidden])")).some((field) => field.value !== "");
    if (typing) return;
    const page = await load(address);
    const next = page && page.getElementById("panel");
    if (next && !shown.contains(document.activeElement)) {
      const item = document.importNode(next, true);
      shown.replaceWith(item);
      htmx.process(item);
    }
  };

  const refresh = async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        const here = root();
        if (!here) return;
        const page = await load(here.dataset.refresh);
        if (!page || here !== root()) continue;
        const scroll = document.getElementById("scroll");
        const atEnd = scroll && scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
        const announce = document.getElementById("announce");
        for (const name of ["rows", "messages", "progress"]) {
          const [list, next] = [document.getElementById(name), page.getElementById(name)];
          if (list && next) sync(list, next, announce);
        }
        const empty = here.querySelector(".empty");
        if (empty && here.querySelector(".row, .bubble")) empty.remove();
        if (atEnd) scroll.scrollTop = scroll.scrollHeight;
        if (here.dataset.panel) await panel(here.dataset.panel);
      } while (again);
    } finally {
      running = false;
    }
  };

  const close = () => {
    if (source) source.close();
    source = null;
    url = null;
    clearTimeout(retry);
  };

  const open = () => {
    const here = root();
    if (!here || document.hidden) return close();
    if (source && url === here.dataset.live) return;
    close();
    url = here.dataset.live;
    source = new EventSource(url);
    source.addEventListener("open", () => document.body.setAttribute("data-live-open", "yes"));
    source.addEventListener("changed", refresh);
    source.addEventListener("error", () => {
      document.body.removeAttribute("data-live-open");
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        retry = setTimeout(() => { refresh(); open(); }, 5000);
      }
    });
  };

  document.addEventListener("visibilitychange", open);
  document.addEventListener("htmx:afterSettle", open);
  document.addEventListener("recado:sent", refresh);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  document.addEventListener("DOMContentLoaded", open);
})();
