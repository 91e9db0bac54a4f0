"""Answers questions from a text of questions and answers, which the operator puts into the settings."""

import json
from dataclasses import dataclass

from wit_world import exports
from wit_world.imports import config, log
from wit_world.imports.types import (
    Action_Reply,
    Action_Tag,
    Decision,
    Failure_BadConfig,
    Flow,
    Hooks,
    Manifest,
    Reply,
)
from componentize_py_types import Err

import matching
import reading
from schema import SCHEMA

@dataclass
class Settings:
    entries: list[reading.Entry]
    threshold: float
    margin: float
    fallback: str
    fallback_tag: str
    answered_tag: str
    shortest: int

    @classmethod
    def of_operator(cls) -> "Settings":
        given = json.loads(config.get())
        try:
            entries = reading.entries(given.get("markdown", ""), given.get("entries", []))
        except ValueError as error:
            raise Err(Failure_BadConfig(str(error)))
        if not entries:
            raise Err(Failure_BadConfig("there is no question in `markdown` or `entries`"))
        usual = {name: rule["default"] for name, rule in SCHEMA["properties"].items() if "default" in rule}
        settings = {**usual, **given}
        return cls(
            entries,
            settings["threshold"],
            settings["margin"],
            settings["fallback"],
            settings["fallback_tag"],
            settings["answered_tag"],
            settings["shortest"],
        )


class About(exports.About):
    def describe(self) -> Manifest:
        return Manifest(
            name="knowledge",
            version="1.0.0",
            description="Answers questions from a file of questions and answers.",
            hooks=Hooks.INBOUND,
            config_schema=json.dumps(SCHEMA),
            extra=[],
        )


class Inbound(exports.Inbound):
    def on_inbound(self, message, conversation, context) -> Decision:
        settings = Settings.of_operator()
        words = matching.words(message.text)
        # "Hola" and "gracias" ask for nothing.
        if len(words) < settings.shortest:
            return Decision([], Flow.PROCEED)
        found = matching.best(words, settings.entries)
        if found.score >= settings.threshold and found.lead >= settings.margin:
            log.write(log.Level.INFO, f"answered from entry {found.place + 1}, at {found.score:.2f}")
            actions = [Action_Reply(Reply(settings.entries[found.place].answer, []))]
            if settings.answered_tag:
                actions.append(Action_Tag(settings.answered_tag))
            return Decision(actions, Flow.STOP)
        log.write(log.Level.INFO, f"nothing fits: the nearest is entry {found.place + 1}, at {found.score:.2f}")
        actions = []
        if settings.fallback:
            actions.append(Action_Reply(Reply(settings.fallback, [])))
        if settings.fallback_tag:
            actions.append(Action_Tag(settings.fallback_tag))
        # A later plugin may route by the label.
        return Decision(actions, Flow.PROCEED)
