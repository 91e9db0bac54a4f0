// Greets whoever writes for the first time, and again after a while.
//
// Each interface of the contract that package.json names under "recado" is an export: `inbound`,
// `outbound`, `status`, `timers`. Nothing is kept in variables: each call may run in a fresh sandbox.

import * as config from "recado:plugin/config@0.1.0";
import * as log from "recado:plugin/log@0.1.0";
import * as state from "recado:plugin/state@0.1.0";

const DAY = 24 * 3_600_000;

export const about = {
  describe: () => ({
    name: "{{name}}",
    version: "0.1.0",
    description: "Greets whoever writes for the first time.",
    // The hooks that are called, as in package.json.
    hooks: { inbound: true },
    configSchema: JSON.stringify(schema),
    extra: [],
  }),
};

export const inbound = {
  onInbound(message, conversation, context) {
    // The gateway has checked what an operator wrote against the schema.
    const { greeting = "¡Hola! ¿En qué te ayudo?", again_after_days = 30 } = JSON.parse(config.get());
    // What there is not is null.
    if (state.get("contact", "greeted") !== null) return { actions: [], flow: "proceed" };
    state.set("contact", "greeted", "yes", again_after_days * DAY);
    log.write("info", "somebody was greeted");
    const actions = [
      { tag: "reply", val: { text: greeting, media: [] } },
      { tag: "tag", val: "greeted" },
    ];
    return { actions, flow: "proceed" };
  },
};

const schema = {{schema}};
