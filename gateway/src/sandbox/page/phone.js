// One customer's phone: whose it is, and the conversation on it.

import { create, isOwn, isPending, paint } from "./bubble.js";
import { Composer } from "./composer.js";
import { dayName, normal, pretty, shortTime, translate, word } from "./words.js";

const template = document.getElementById("phone");

export class Phone {
  #list; #thread; #follows = true; #bubbles = new Map(); #messages = new Map(); #changed;

  /** `changed` hears of a new name or number, of what was read, and of a wish to remove the phone. */
  constructor({ name, number, seen }, changed) {
    Object.assign(this, { name, number, seen: seen ?? 0 });
    this.#changed = changed;
    this.node = template.content.firstElementChild.cloneNode(true);
    translate(this.node);
    this.#list = this.node.querySelector("ol");
    this.#thread = this.node.querySelector(".thread");
    this.composer = new Composer(this);
    this.#owner();
    this.node.addEventListener("focusin", () => this.read());
    this.node.addEventListener("pointerdown", () => this.read());
    this.node.querySelector(".remove").addEventListener("click", () => changed("remove"));
    const jump = this.node.querySelector(".jump");
    jump.addEventListener("click", () => this.#toEnd("smooth"));
    // Whoever reads the end goes on to read the end, until they scroll up; a picture that takes its room is no scroll.
    let top = 0;
    this.#thread.addEventListener("scroll", () => {
      const up = this.#thread.scrollTop < top;
      top = this.#thread.scrollTop;
      if (this.#isAtEnd()) this.#follows = true;
      else if (up) this.#follows = false;
      if (this.#follows) jump.hidden = true;
    });
    const grown = new ResizeObserver(() => this.#follows && this.#toEnd("instant"));
    for (const box of [this.#list, this.#thread]) grown.observe(box);
    this.show();
  }

  get unread() {
    return [...this.#messages.values()].filter((message) => this.#isNew(message)).length;
  }

  /** Names the phone, and puts the right time on it. */
  show(gateway) {
    const { node } = this;
    node.setAttribute("aria-label", `${this.name} ${pretty(this.number)}`);
    for (const [place, text] of [[".name", this.name], [".customer", pretty(this.number)]]) {
      const input = node.querySelector(place);
      if (input !== document.activeElement) input.value = text;
    }
    const avatar = node.querySelector(".avatar");
    avatar.textContent = initials(this.name);
    avatar.dataset.color = [...this.number].reduce((sum, digit) => sum + digit.charCodeAt(0), 0) % 6;
    node.querySelector(".time").textContent = shortTime(new Date());
    if (gateway) node.querySelector(".contact-number").textContent = pretty(gateway);
    this.#badge();
  }

  /** Says whether the person wants no messages. */
  showOptOut(out) {
    this.node.querySelector(".opted-out").hidden = !out;
  }

  drop(sid) {
    this.#bubbles.get(sid)?.remove();
    this.#bubbles.delete(sid);
    this.#messages.delete(sid);
    this.#typing();
    this.#badge();
  }

  /** Replaces the whole conversation. */
  fill(messages) {
    this.#bubbles.clear();
    this.#messages.clear();
    this.#list.replaceChildren();
    delete this.#list.dataset.day;
    for (const message of messages) this.put(message, "old");
    this.#typing();
    this.#badge();
    this.#follows = true;
    this.#toEnd("instant");
  }

  /** Adds a message, or shows how it stands now. */
  put(message, age = "new") {
    const known = this.#bubbles.get(message.sid);
    this.#messages.set(message.sid, message);
    if (known) {
      paint(known, message);
    } else {
      const bubble = create(message);
      if (age === "new") bubble.classList.add("arriving");
      this.#bubbles.set(message.sid, bubble);
      this.#separate(message);
      this.#list.append(bubble);
      if (isOwn(message)) this.#see(message);
    }
    this.#typing();
    this.#badge();
    if (!known && isOwn(message)) this.#follows = true;
    if (this.#follows) this.#toEnd("instant");
    else if (!known) this.node.querySelector(".jump").hidden = false;
    if (!known && document.hasFocus() && this.node.contains(document.activeElement)) this.read();
  }

  read() {
    const newest = Math.max(this.seen, ...[...this.#messages.values()].map((message) => Date.parse(message.created)));
    if (newest === this.seen) return;
    this.seen = newest;
    this.#badge();
    this.#changed("read");
  }

  #see(message) {
    this.seen = Math.max(this.seen, Date.parse(message.created));
  }

  #isNew(message) {
    const arrived = message.status === "sent" || message.status === "delivered";
    return arrived && !isOwn(message) && Date.parse(message.created) > this.seen;
  }

  #badge() {
    const { unread } = this;
    const badge = this.node.querySelector(".unread");
    badge.hidden = unread === 0;
    badge.textContent = unread;
    badge.title = word("unread", { n: unread });
  }

  /** A line with the day, where it changes. */
  #separate(message) {
    const date = new Date(message.created);
    if (this.#list.dataset.day === date.toDateString()) return;
    this.#list.dataset.day = date.toDateString();
    const line = document.createElement("li");
    line.className = "day";
    line.textContent = dayName(date);
    this.#list.append(line);
  }

  #typing() {
    const pending = [...this.#messages.values()].some(isPending);
    this.node.querySelector(".typing").hidden = !pending;
    this.node.querySelector(".empty").hidden = this.#messages.size > 0;
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#thread;
    return scrollHeight - scrollTop - clientHeight < 90;
  }

  #toEnd(behavior) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#thread.scrollTo({ top: this.#thread.scrollHeight, behavior: calm ? "instant" : behavior });
  }

  #owner() {
    const [name, number] = [this.node.querySelector(".name"), this.node.querySelector(".customer")];
    name.addEventListener("change", () => {
      this.name = name.value.trim() || this.name;
      this.#changed("name");
    });
    number.addEventListener("focus", () => number.select());
    number.addEventListener("input", () => this.#complain(number, ""));
    number.addEventListener("change", () => {
      const typed = normal(number.value);
      if (!typed) return this.#complain(number, word("badNumber"));
      if (typed === this.number) return this.show();
      this.#complain(number, this.#changed("number", typed) ? "" : word("sameNumber"));
    });
    for (const input of [name, number]) {
      input.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        input.blur();
        if (input.validity.valid) this.composer.focus();
      });
    }
  }

  #complain(input, reason) {
    input.setCustomValidity(reason);
    input.title = reason;
    if (reason) input.reportValidity();
  }
}

export function initials(name) {
  const parts = name.trim().split(/\s+/).filter((part) => /\p{L}|\d/u.test(part));
  return parts.slice(0, 2).map((part) => [...part][0].toLocaleUpperCase()).join("") || "·";
}
