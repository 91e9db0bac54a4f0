"""Greets whoever writes for the first time, and again after a while.

Each interface of the contract that pyproject.toml names under `tool.recado` is a class here: Inbound,
Outbound, Status, Timers. Nothing is kept in variables: each call may run in a fresh sandbox.
"""

import json

from wit_world import exports
from wit_world.imports import config, log, state
from wit_world.imports.types import Action_Reply, Action_Tag, Decision, Flow, Hooks, Manifest, Reply

DAY = 24 * 3_600_000.0

SCHEMA = {{schema}}


class About(exports.About):
    def describe(self) -> Manifest:
        return Manifest(
            name="{{name}}",
            version="0.1.0",
            description="Greets whoever writes for the first time.",
            # The hooks that are called, as in pyproject.toml.
            hooks=Hooks.INBOUND,
            config_schema=json.dumps(SCHEMA),
            extra=[],
        )


class Inbound(exports.Inbound):
    def on_inbound(self, message, conversation, context) -> Decision:
        # The gateway has checked what an operator wrote against the schema.
        settings = json.loads(config.get())
        if state.get(state.Scope.CONTACT, "greeted") is not None:
            return Decision([], Flow.PROCEED)
        state.set(state.Scope.CONTACT, "greeted", "yes", settings.get("again_after_days", 30) * DAY)
        log.write(log.Level.INFO, "somebody was greeted")
        greeting = settings.get("greeting", "¡Hola! ¿En qué te ayudo?")
        return Decision([Action_Reply(Reply(greeting, [])), Action_Tag("greeted")], Flow.PROCEED)
