// One message as a bubble. What people and applications wrote is only ever set as text.

import { time, word } from "./words.js";

const template = document.getElementById("bubble");
const icons = {
  scheduled: "clock", accepted: "clock", canceled: "cross", queued: "clock", sent: "check", delivered: "checks", undelivered: "alert", failed: "cross",
};

/** Whether the person at the phone wrote it. */
export const isOwn = (message) => message.direction === "inbound";

/** Whether an answer to it may still come. */
export const isPending = (message) =>
  isOwn(message) && !message.webhook && Date.now() - Date.parse(message.created) < 20_000;

export function create(message) {
  const node = template.content.firstElementChild.cloneNode(true);
  node.dataset.sid = message.sid;
  node.dataset.direction = message.direction;
  node.classList.add(isOwn(message) ? "own" : "theirs");
  if (message.body && message.body.length <= 8 && /^(\p{Extended_Pictographic}|\uFE0F|\u200D)+$/u.test(message.body)) {
    node.classList.add("emoji");
  }
  node.querySelector(".media").append(...message.media.map(media));
  // What became of an own message stands beside its time.
  if (isOwn(message)) {
    node.querySelector("summary").append(node.querySelector("time"));
    node.querySelector(".meta").remove();
  }
  const date = new Date(message.created);
  const when = node.querySelector("time");
  when.dateTime = message.created;
  when.textContent = time(date);
  when.title = date.toLocaleString();
  paint(node, message);
  return node;
}

/** Shows how the message stands now. */
export function paint(node, message) {
  node.dataset.status = message.status;
  // A text may be redacted later.
  const text = node.querySelector(".text");
  text.replaceChildren(...linked(message.body));
  text.hidden = message.body === "";
  // Twilio may have changed what was asked for.
  text.title = message.asked ?? "";
  if (isOwn(message)) {
    webhook(node.querySelector(".webhook"), message);
  } else {
    const status = node.querySelector(".status");
    status.querySelector("use").setAttribute("href", `#${icons[message.status] ?? "check"}`);
    status.querySelector("span").textContent = word(message.status);
  }
  const reason = node.querySelector(".reason");
  reason.hidden = !message.error_code;
  reason.textContent = message.error_code ? `${message.error_code} · ${message.error_message}` : "";
  const warnings = node.querySelector(".warnings");
  warnings.hidden = message.warnings.length === 0;
  warnings.replaceChildren(...message.warnings.map(warning));
}

/** A text in which links can be followed, less what ends the sentence that they stand in. */
function linked(text) {
  const parts = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(/https?:\/\/[^\s<>"]+/gi)) {
    const url = found.replace(/[.,;:!?'»”’…\]})]+$/, "");
    if (!URL.canParse(url)) continue;
    const anchor = document.createElement("a");
    Object.assign(anchor, { href: url, target: "_blank", rel: "noopener noreferrer", textContent: url });
    parts.push(text.slice(end, index), anchor);
    end = index + url.length;
  }
  return [...parts, text.slice(end)];
}

function webhook(node, { webhook, warnings }) {
  node.hidden = false;
  const summary = node.querySelector("summary span");
  const details = node.querySelector("pre");
  if (!webhook) {
    node.dataset.state = "calling";
    summary.textContent = word("calling");
    return;
  }
  node.dataset.state = webhook.failure || webhook.status >= 300 ? "failed" : warnings.length ? "odd" : "ok";
  summary.textContent = webhook.status
    ? word("webhook", webhook)
    : warnings.length ? word("unanswered", webhook) : word("noWebhook");
  details.textContent = [webhook.content_type, webhook.failure, webhook.body || (webhook.status && word("webhookEmpty"))]
    .filter(Boolean).join("\n\n");
}

function warning({ code, title, detail }) {
  const item = document.createElement("li");
  const name = document.createElement("strong");
  name.textContent = `${code} ${title}`;
  const text = document.createElement("span");
  text.textContent = detail;
  item.append(name, text);
  return item;
}

function media({ sid, content_type: kind, source }) {
  const url = source ?? `/sandbox/media/${encodeURIComponent(sid)}`;
  const host = source ? new URL(source).hostname : null;
  const near = !host || host === "127.0.0.1" || host === "localhost";
  const [family] = kind.split("/");
  if (near && family === "image") {
    const image = document.createElement("img");
    image.alt = word("picture");
    image.src = url;
    image.addEventListener("error", () => image.replaceWith(link(url, kind, host)), { once: true });
    const anchor = link(url, kind, host);
    anchor.className = "picture";
    anchor.replaceChildren(image);
    return anchor;
  }
  if (near && (family === "audio" || family === "video")) {
    const player = document.createElement(family);
    player.controls = true;
    player.preload = "metadata";
    player.src = url;
    return player;
  }
  return link(url, kind, host);
}

function link(url, kind, host) {
  const anchor = document.createElement("a");
  anchor.className = "file";
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  if (/^(https?:|\/)/.test(url)) anchor.href = url;
  anchor.textContent = host && kind.startsWith("image/") ? word("pictureAt", { host }) : word("file", { kind });
  return anchor;
}
