// The page: which phones there are, what the local Twilio tells, and which phone hears it.

import { isOwn } from "./bubble.js";
import { post } from "./composer.js";
import * as panel from "./panel.js";
import { initials, Phone } from "./phone.js";
import { locale, pretty, translate, word } from "./words.js";

const readyMade = [
  { name: "Ana López", number: "+525512345678" },
  { name: "Luis Hernández", number: "+528187654321" },
  { name: "María Canul", number: "+529991234567" },
];
const codes = [21610, 30003, 30005, 30006, 30007, 30036];

const element = (id) => document.getElementById(id);
const messages = new Map();
let phones = [];
let active = 0;
let facts = {};

const customer = (message) => (isOwn(message) ? message.from : message.to);
const phoneOf = (number) => phones.find((phone) => phone.number === number);
const ofNumber = (number) => [...messages.values()].filter((message) => customer(message) === number);

/** Whether there is room for one phone only, which then is looked at. */
const isAlone = () => document.visibilityState === "visible" && getComputedStyle(element("tabs")).display !== "none";

/* What is remembered. */

function remembered() {
  try {
    const saved = JSON.parse(localStorage.getItem("recado.phones"));
    if (Array.isArray(saved) && saved.length) return saved.filter((phone) => /^\+\d+$/.test(phone.number));
  } catch { /* Whatever is there, the page works without. */ }
  return readyMade;
}

function remember() {
  const saved = phones.map(({ name, number, seen }) => ({ name, number, seen }));
  try {
    localStorage.setItem("recado.phones", JSON.stringify(saved));
  } catch { /* A private window may keep nothing. */ }
}

/* Phones. */

function addPhone(owner) {
  const phone = new Phone(owner, (what, value) => changed(phone, what, value));
  phones.push(phone);
  element("stage").append(phone.node);
  phone.show(facts.number);
  phone.showOptOut(facts.opted_out?.includes(phone.number));
  phone.fill(ofNumber(phone.number));
  return phone;
}

function changed(phone, what, value) {
  if (what === "number") {
    if (phoneOf(value) || value === facts.number) return false;
    Object.assign(phone, { number: value, seen: 0 });
    phone.fill(ofNumber(value));
    phone.showOptOut(facts.opted_out?.includes(value));
  } else if (what === "remove") {
    const place = phones.indexOf(phone);
    phone.node.remove();
    phones = phones.filter((other) => other !== phone);
    if (phones.length === 0) addPhone(readyMade[0]);
    activate(Math.min(place, phones.length - 1));
  }
  phone.show();
  remember();
  refresh();
  return true;
}

/** What a number that stands for an outcome means, or a name like any other. */
function nameOf(number) {
  const code = codes.find((code) => number.endsWith(code));
  return code ? word(`code${code}`) : word("someone", { n: phones.length + 1 });
}

function newOwner() {
  const known = readyMade.find(({ number }) => !phoneOf(number));
  if (known) return known;
  for (let n = phones.length + 1; ; n += 1) {
    const number = `+5255${String(10_000_000 + ((n * 7_654_321) % 90_000_000))}`;
    if (!phoneOf(number)) return { name: word("someone", { n }), number };
  }
}

function open(owner) {
  const phone = phoneOf(owner.number) ?? addPhone(owner);
  remember();
  activate(phones.indexOf(phone));
  phone.node.scrollIntoView({ inline: "center", block: "nearest" });
  phone.composer.focus();
}

function activate(index) {
  active = index;
  phones.forEach((phone, place) => phone.node.classList.toggle("active", place === index));
  if (isAlone()) phones[index].read();
  refresh();
}

/* Around the phones. */

function refresh() {
  element("tabs").replaceChildren(...phones.map((phone, place) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.setAttribute("aria-current", place === active);
    const circle = document.createElement("span");
    circle.className = "avatar";
    circle.dataset.color = phone.node.querySelector(".avatar").dataset.color;
    circle.textContent = initials(phone.name);
    const name = document.createElement("span");
    name.textContent = phone.name.split(" ")[0];
    tab.append(circle, name);
    if (phone.unread && place !== active) {
      const badge = document.createElement("b");
      badge.textContent = phone.unread;
      tab.append(badge);
    }
    tab.addEventListener("click", () => activate(place));
    return tab;
  }));
  const unread = phones.reduce((sum, phone) => sum + phone.unread, 0);
  document.title = unread ? `(${unread}) ${word("title")}` : word("title");
  const strangers = [...new Set([...messages.values()].map(customer))].filter((number) => number && !phoneOf(number));
  element("others").hidden = strangers.length === 0;
  const label = document.createElement("span");
  label.textContent = word("others");
  element("others").replaceChildren(label, ...strangers.slice(-6).map((number) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.textContent = pretty(number);
    chip.addEventListener("click", () => open({ name: nameOf(number), number }));
    return chip;
  }));
}

function know(state) {
  facts = state;
  element("number-text").textContent = pretty(state.number);
  element("about-number").textContent = pretty(state.number);
  element("about-account").textContent = state.account_sid;
  element("about-service").textContent = state.messaging_service_sid ?? word("none");
  if (document.activeElement !== element("webhook-url")) element("webhook-url").value = state.inbound_url ?? "";
  const gateway = element("gateway");
  gateway.hidden = !URL.canParse(state.inbound_url ?? "");
  if (!gateway.hidden) {
    const { origin, host } = new URL(state.inbound_url);
    gateway.href = origin;
    gateway.title = word("openGateway", { host });
    element("gateway-text").textContent = host;
  }
  for (const phone of phones) {
    phone.show(state.number);
    phone.showOptOut(state.opted_out.includes(phone.number));
  }
  panel.know(state);
}

function tell(message) {
  messages.set(message.sid, message);
  const phone = phoneOf(customer(message));
  phone?.put(message);
  return phone;
}

/* What the local Twilio tells. */

function connect() {
  const source = new EventSource("/sandbox/events");
  // Changes that come while the whole is being fetched are newer than it.
  let waiting = null;
  const load = async () => {
    waiting = [];
    const response = await fetch("/sandbox/state").catch(() => null);
    const state = response?.ok ? await response.json() : null;
    if (state) {
      messages.clear();
      for (const message of state.messages) messages.set(message.sid, message);
      know(state);
      panel.show(state.faults);
      for (const phone of phones) phone.fill(ofNumber(phone.number));
    }
    const late = waiting;
    waiting = null;
    for (const apply of late) apply();
    connected(state ? "live" : "lost");
    activate(active);
  };
  const on = (name, apply) => source.addEventListener(name, ({ data }) => {
    const run = () => apply(JSON.parse(data));
    if (waiting) waiting.push(run);
    else run();
  });
  on("created", (message) => {
    const phone = tell(message);
    if (phone && !isOwn(message)) {
      element("spoken").textContent = word("spoke", { name: phone.name, text: message.body || word("picture") });
      if (phones[active] === phone && isAlone()) phone.read();
    }
    refresh();
  });
  on("updated", (message) => {
    tell(message);
    refresh();
  });
  on("deleted", ({ sid }) => {
    messages.delete(sid);
    for (const phone of phones) phone.drop(sid);
    refresh();
  });
  on("number", know);
  on("faults", panel.show);
  on("reload", load);
  source.addEventListener("open", load);
  source.addEventListener("error", () => {
    connected("lost");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}

function connected(state) {
  const line = element("connection");
  line.dataset.state = state;
  line.lastElementChild.textContent = word(state);
}

/* Start. */

document.documentElement.lang = locale;
translate(document);
connected("connecting");
for (const owner of remembered()) addPhone(owner);
activate(0);
connect();

element("stage").addEventListener("focusin", ({ target }) => {
  const place = phones.findIndex((phone) => phone.node.contains(target));
  if (place >= 0 && place !== active) activate(place);
});
element("add").addEventListener("click", () => open(newOwner()));
element("number").addEventListener("click", () => element("about").showModal());
element("webhook-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ inbound_url: element("webhook-url").value || null });
  const result = await post("/sandbox/number", "application/json", body, "PUT").then(() => word("saved"), (error) => error.message);
  element("webhook-result").textContent = result;
});
element("codes").append(...codes.map((code) => {
  const number = `+5299811${code}`;
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = pretty(number);
  button.addEventListener("click", () => {
    element("about").close();
    open({ name: nameOf(number), number });
  });
  const meaning = document.createElement("span");
  meaning.textContent = word(`code${code}`);
  item.append(button, meaning);
  return item;
}));
document.addEventListener("keydown", (event) => {
  const place = event.altKey && /^Digit[1-9]$/.test(event.code) ? Number(event.code.slice(5)) - 1 : -1;
  if (!phones[place]) return;
  event.preventDefault();
  activate(place);
  phones[place].node.scrollIntoView({ inline: "center", block: "nearest" });
  phones[place].composer.focus();
});
setInterval(() => phones.forEach((phone) => phone.show()), 20_000);
