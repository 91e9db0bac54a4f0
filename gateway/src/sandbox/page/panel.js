// The panel of what is to go wrong, by which token webhooks are signed, and what time it is.

import { post } from "./composer.js";
import { locale, translate, word } from "./words.js";

const template = document.getElementById("fault");
const element = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const order = [
  "create_refused", "create_failed_before", "create_failed_after", "create_cut_after", "create_late",
  "callback_lost", "callback_late", "callback_duplicated", "callback_reordered",
  "signature_port_toggled", "signature_port_wrong", "signature_token_rotated",
];
const rows = new Map();
let rules = {};
// How far the local Twilio's time is ahead of this machine's.
let ahead = 0;

/** Shows every fault, its rule and how often it happened. */
export function show(report) {
  for (const name of order) {
    const { rule, chances, happened } = report[name];
    const row = rows.get(name) ?? add(name);
    rules[name] = rule;
    row.box.checked = rule !== null;
    row.node.classList.toggle("on", row.box.checked);
    if (rule?.every && row.every !== document.activeElement) row.every.value = rule.every;
    if (rule?.millis && row.millis !== document.activeElement) row.millis.value = rule.millis;
    const random = rule?.probability !== undefined;
    row.node.querySelector(".every").hidden = random;
    row.node.querySelector(".odds").textContent = random ? word("odds", { percent: Math.round(rule.probability * 100) }) : "";
    row.tally.textContent = rule ? word("tally", { happened, chances }) : "";
  }
  const on = Object.values(rules).filter(Boolean).length;
  element("trouble-count").hidden = on === 0;
  element("trouble-count").textContent = on;
  element("trouble").classList.toggle("on", on > 0);
  element("calm").disabled = on === 0;
}

/** Shows what is known of the account. */
export function know({ other_token: other, now }) {
  element("other-token").checked = other;
  element("token-row").classList.toggle("on", other);
  if (!other) element("token-text").hidden = true;
  tick(now);
}

function add(name) {
  const [family] = name.split("_");
  const list = document.querySelector(`[data-family="${family}"]`) ?? group(family);
  const node = template.content.firstElementChild.cloneNode(true);
  translate(node);
  node.dataset.fault = name;
  const [box, every, millis] = node.querySelectorAll("input");
  node.querySelector("label > span").textContent = word(name);
  every.setAttribute("aria-label", `${word(name)}: ${word("every")}`);
  millis.setAttribute("aria-label", `${word(name)}: ms`);
  node.querySelector(".millis").hidden = !name.endsWith("_late");
  const row = { node, box, every, millis, tally: node.querySelector(".tally") };
  box.addEventListener("change", () => set({ [name]: box.checked ? wanted(name, row) : null }));
  for (const input of [every, millis]) {
    input.addEventListener("change", () => input.reportValidity() && box.checked && set({ [name]: wanted(name, row) }));
  }
  rows.set(name, row);
  list.append(node);
  return row;
}

function group(family) {
  const title = document.createElement("h3");
  title.textContent = word(`faultGroup_${family}`);
  const list = document.createElement("ul");
  list.className = "faults";
  list.dataset.family = family;
  element("faults").append(title, list);
  return list;
}

function wanted(name, { every, millis }) {
  const rule = { every: Math.max(1, Math.trunc(every.valueAsNumber) || 1) };
  return name.endsWith("_late") ? { ...rule, millis: Math.trunc(millis.valueAsNumber) || 2000 } : rule;
}

async function set(changed) {
  await send("/sandbox/faults", { ...rules, ...changed }, "PUT", show);
}

async function send(url, body, method, then) {
  try {
    then(await post(url, "application/json", JSON.stringify(body), method));
    element("panel-result").textContent = "";
  } catch (error) {
    element("panel-result").textContent = error.message;
  }
}

function tick(now) {
  if (now) ahead = Date.parse(now) - Date.now();
  element("sandbox-time").textContent = clock.format(new Date(Date.now() + ahead));
}

for (const family of ["create", "callback", "signature"]) group(family);
element("trouble").addEventListener("click", () => {
  tick();
  element("panel").showModal();
});
element("calm").addEventListener("click", () => send("/sandbox/faults", {}, "PUT", show));
element("other-token").addEventListener("change", ({ target }) => {
  const random = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  send("/sandbox/token", { auth_token: target.checked ? random : null }, "PUT", ({ promoted }) => {
    element("token-text").hidden = !promoted;
    element("token-text").textContent = promoted ? random : "";
  });
});
element("skips").append(...[60, 600, 3600, 86_400].map((seconds) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = word(`skip${seconds}`);
  button.addEventListener("click", () => send("/sandbox/skip", { seconds }, "POST", ({ now }) => tick(now)));
  return button;
}));
setInterval(tick, 20_000);
