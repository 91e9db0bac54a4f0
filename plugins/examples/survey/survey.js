// A survey: asks questions one by one, checks the answers and notes them about the contact.
//
// Where a conversation stands is remembered in its state. Nothing is kept in variables: each call may
// run in a fresh sandbox.

import * as config from "recado:plugin/config@0.1.0";
import * as log from "recado:plugin/log@0.1.0";
import * as state from "recado:plugin/state@0.1.0";

import { ask, fold, read } from "./answers.js";
import { schema } from "./schema.js";

const HOUR = 3_600_000;
const KEY = "question";

export const about = {
  describe: () => ({
    name: "survey",
    version: "1.0.0",
    description: "Asks questions one by one, checks the answers and notes them about the contact.",
    hooks: { inbound: true, timer: true },
    configSchema: JSON.stringify(schema),
    extra: [],
  }),
};

export const inbound = {
  onInbound(message) {
    const settings = configured();
    const word = fold(message.text);
    const is = (words) => words.some((known) => fold(known) === word);
    if (is(settings.start)) return begin(settings);
    const place = state.get("conversation", KEY);
    if (place === null || place === undefined) return decide([], "proceed");
    if (is(settings.quit)) return end(settings, settings.abandoned, settings.abandoned_tag);
    return answer(settings, Number(place), message.text);
  },
};

export const timers = {
  onTimer(timer) {
    const settings = configured();
    const place = state.get("conversation", KEY);
    const question = settings.questions[Number(place ?? -1)];
    if (question === undefined) return decide([], "proceed");
    if (timer.name === "give up") return end(settings, "", settings.abandoned_tag);
    const later = settings.give_up_after_hours > 0 ? [startTimer("give up", settings.give_up_after_hours)] : [];
    return decide([reply(`${settings.reminder}\n${ask(question)}`), ...later], "proceed");
  },
};

function configured() {
  const settings = JSON.parse(config.get());
  const usual = Object.entries(schema.properties).map(([key, property]) => [key, property.default]);
  return { ...Object.fromEntries(usual), ...settings };
}

function begin(settings) {
  const untag = [settings.done_tag, settings.abandoned_tag].map((tag) => ({ tag: "untag", val: tag }));
  return decide([...untag, ...next(settings, 0, settings.intro)]);
}

/** Takes an answer, or asks again. */
function answer(settings, place, text) {
  const question = settings.questions[place];
  // The operator may have taken questions away meanwhile.
  if (question === undefined) return end(settings, settings.thanks, settings.done_tag);
  const value = read(question, text);
  if (value === null) return decide([reply(`${question.wrong ?? "No te entendí."}\n${ask(question)}`), ...wait(settings)]);
  const note = { tag: "set-attribute", val: [question.name, value] };
  if (place + 1 < settings.questions.length) return decide([note, ...next(settings, place + 1)]);
  log.write("info", "a survey was completed");
  const done = end(settings, settings.thanks, settings.done_tag);
  return decide([note, ...done.actions]);
}

function next(settings, place, before) {
  state.set("conversation", KEY, String(place), null);
  const lines = [before, ask(settings.questions[place])].filter(Boolean);
  return [reply(lines.join("\n")), ...wait(settings)];
}

function end(settings, text, tag) {
  state.delete("conversation", KEY);
  const said = text === "" ? [] : [reply(text)];
  const label = tag === "" ? [] : [{ tag: "tag", val: tag }];
  return decide([...said, ...label, ...stopTimers()]);
}

function wait(settings) {
  return [
    { tag: "cancel-timer", val: "give up" },
    settings.remind_after_hours > 0
      ? startTimer("remind", settings.remind_after_hours)
      : { tag: "cancel-timer", val: "remind" },
  ];
}

function stopTimers() {
  return ["remind", "give up"].map((name) => ({ tag: "cancel-timer", val: name }));
}

function startTimer(name, hours) {
  return { tag: "start-timer", val: { name, after: hours * HOUR, payload: "" } };
}

function reply(text) {
  return { tag: "reply", val: { text, media: [] } };
}

/** Whoever is in a survey is answered by it alone. */
function decide(actions, flow = "stop") {
  return { actions, flow };
}
