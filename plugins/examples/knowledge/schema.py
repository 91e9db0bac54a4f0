"""The schema of the configuration: the gateway checks what an operator wrote against it."""

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "anyOf": [{"required": ["markdown"]}, {"required": ["entries"]}],
    "properties": {
        "markdown": {
            "title": "Knowledge in Markdown",
            "description": "Headings (`##`) are questions, what follows is the answer. Headings that follow "
            "each other at once are ways to ask the same.",
            "type": "string",
            "examples": ["## ¿Cuál es el horario?\nDe lunes a viernes, de 9 a 18."],
        },
        "entries": {
            "title": "Knowledge as a list",
            "description": "The same as a list.",
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["questions", "answer"],
                "properties": {
                    "questions": {
                        "title": "Questions",
                        "description": "Ways to ask for it.",
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "string", "minLength": 1},
                    },
                    "answer": {"title": "Answer", "description": "What is replied.", "type": "string", "minLength": 1},
                },
            },
        },
        "threshold": {
            "title": "Threshold",
            "description": "How alike a text and a question must be, from 0 to 1.",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
        },
        "margin": {
            "title": "Margin",
            "description": "How far the best entry must be ahead of the next one.",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.05,
        },
        "shortest": {
            "title": "Shortest question",
            "description": "Texts with fewer words that matter are left alone.",
            "type": "integer",
            "minimum": 1,
            "default": 1,
        },
        "fallback": {
            "title": "Fallback",
            "description": "What is said when nothing fits. Empty: nothing.",
            "type": "string",
            "default": "",
        },
        "fallback_tag": {
            "title": "Tag of the fallback",
            "description": "The label when nothing fits, for a later plugin or a person. Empty: none.",
            "type": "string",
            "default": "sin respuesta",
        },
        "answered_tag": {
            "title": "Tag of answers",
            "description": "The label when something fits. Empty: none.",
            "type": "string",
            "default": "",
        },
    },
}
