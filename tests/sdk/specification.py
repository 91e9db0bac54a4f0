"""What Twilio's OpenAPI files allow. Knows nothing of connections: an exchange goes in, and what is
wrong with it comes out."""

import json
import re
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import FormatChecker
from openapi_schema_validator import OAS30Validator

FORMATS = FormatChecker(formats=())
RFC2822 = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")


def format_(name, raises=()):
    """A check that holds for texts alone: of what type a value is, the schema says itself."""
    def register(check):
        FORMATS.checks(name, raises)(lambda value: not isinstance(value, str) or bool(check(value)))
        return check
    return register


@format_("date-time-rfc-2822", ValueError)
def rfc2822(value):
    return RFC2822.fullmatch(value) and parsedate_to_datetime(value).strftime("%a") == value[:3]


@format_("date-time", ValueError)
def date_time(value):
    # A filter may be a whole day, says its description.
    return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)


format_("date", ValueError)(date.fromisoformat)
format_("uri")(lambda value: not re.search(r"\s", value) and (value.startswith("/") or urlsplit(value).netloc))
format_("phone-number")(re.compile(r"(\w+:)?\+\d{7,15}|\d{3,8}|[A-Za-z0-9 ]{1,11}|MG[0-9a-f]{32}").fullmatch)
format_("http-method")(re.compile("GET|POST|DELETE|PUT|PATCH|HEAD").fullmatch)
format_("currency")(re.compile("[A-Za-z]{3}").fullmatch)
format_("iso-country-code")(re.compile("[A-Z]{2}").fullmatch)
ERROR = {
    "type": "object",
    "required": ["code", "message", "more_info", "status"],
    "properties": {
        "code": {"type": "integer"}, "message": {"type": "string", "minLength": 1},
        "more_info": {"type": "string", "format": "uri"}, "status": {"type": "integer"},
        "detail": {"type": "string"}, "details": {"type": "object"},
    },
    "additionalProperties": False,
}
# A medium itself: its address is that of its description without the ending, and no file describes it.
MEDIUM = re.compile(r"/2010-04-01/Accounts/\w+/Messages/\w+/Media/\w+")


def wrong(schema, value, where, shown=frozenset()):
    """What is wrong with a value; but nothing that Twilio's own examples show too."""
    errors = OAS30Validator(schema, format_checker=FORMATS).iter_errors(value)
    return ["/".join([where, *map(str, error.path)]) + ": " + error.message
            for error in errors if (place(error.path), json.dumps(error.instance)) not in shown]


def place(path):
    return tuple("*" if isinstance(step, int) else step for step in path)


def nothings(value, path=()):
    """Where an example has null or an empty text, which not every schema that has such examples allows."""
    if value is None or value == "":
        yield place(path), json.dumps(value)
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield from nothings(one, (*path, step))


class Specification:
    def __init__(self, folder):
        self.operations, self.answers = [], {}
        for name in ["twilio_api_v2010.json", "twilio_lookups_v2.json"]:
            document = json.loads((Path(folder) / name).read_text())
            for path, item in document["paths"].items():
                pattern = "[^/]+".join(re.escape(text) for text in re.split(r"\{\w+\}", path))
                self.operations.append((re.compile(pattern), path, item, document))
        # A path without a parameter is meant before one with.
        self.operations.sort(key=lambda operation: operation[1].count("{"))

    def exchange(self, method, target, form, has_credentials, answer):
        """The name that the files have for what was asked, and what is wrong with the request and its answer:
        status, headers and body, or nothing if there was none."""
        url = urlsplit(target)
        is_medium = method == "GET" and MEDIUM.fullmatch(url.path)
        if is_medium:
            url = url._replace(path=url.path + ".json")
        fits = (entry for entry in self.operations if entry[0].fullmatch(url.path) and method.lower() in entry[2])
        _, path, item, document = next(fits, (None,) * 4)
        if not item:
            return None, ["the specification knows no such operation"]
        operation = item[method.lower()]
        problems = [] if has_credentials else ["request: no basic authorization"]
        problems += self._request(operation, item, document, path, url, form)
        if answer and is_medium:
            problems += medium(*answer)
        elif answer:
            problems += self._answer(operation, document, *answer)
        return "FetchMedium" if is_medium else operation["operationId"], problems

    def _request(self, operation, item, document, path, url, form):
        declared = item.get("parameters", []) + operation.get("parameters", [])
        names, values = re.findall(r"\{(\w+)\}", path), re.sub(r"\{\w+\}", "([^/]+)", path.replace(".", r"\."))
        given = zip(names, map(unquote, re.fullmatch(values, url.path).groups()))
        problems = self._pairs(self._schemas(declared, "path", document), list(given), "path")
        query = parse_qsl(url.query, keep_blank_values=True)
        problems += self._pairs(self._schemas(declared, "query", document), query, "query")
        content = operation.get("requestBody", {}).get("content", {})
        schema = resolved(content.get("application/x-www-form-urlencoded", {}).get("schema", {}), document)
        required = schema.get("required", [])
        fields = {name: (inner, name in required) for name, inner in schema.get("properties", {}).items()}
        return problems + self._pairs(fields, parse_qsl(form, keep_blank_values=True), "form")

    @staticmethod
    def _schemas(declared, place, document):
        here = [parameter for parameter in declared if parameter["in"] == place]
        return {one["name"]: (resolved(one["schema"], document), one.get("required", False)) for one in here}

    @staticmethod
    def _pairs(fields, pairs, where):
        given = {}
        for name, value in pairs:
            given.setdefault(name, []).append(value)
        problems = [f"{where}/{name}: unknown" for name in given if name not in fields]
        problems += [f"{where}/{name}: missing" for name, (_, must) in fields.items() if must and name not in given]
        for name, values in given.items():
            schema, _ = fields.get(name, ({}, False))
            if schema.get("type") == "array":
                problems += wrong(schema, [typed(schema.get("items", {}), value) for value in values], f"{where}/{name}")
            elif len(values) > 1:
                problems.append(f"{where}/{name}: given {len(values)} times")
            elif values != [""]:  # Which clears, whatever the type.
                problems += wrong(schema, typed(schema, values[0]), f"{where}/{name}")
        return problems

    def _answer(self, operation, document, status, headers, body):
        told = operation["responses"].get(str(status))
        if told is None and status < 400:
            return [f"answer: status {status} is not among {sorted(operation['responses'])}"]
        content = (told or {"content": {"application/json": {"schema": ERROR}}}).get("content", {})
        if "application/json" not in content:
            return ["answer: a body where none belongs"] if body else []
        if kind_of(headers) != "application/json":
            return [f"answer: {kind_of(headers)!r} is no JSON"]
        try:
            value = json.loads(body)
        except ValueError as error:
            return [f"answer: {error}"]
        key = operation["operationId"], told is None or status
        if key not in self.answers:
            examples = content["application/json"].get("examples", {}).values()
            shown = {nothing for example in examples for nothing in nothings(example["value"])}
            self.answers[key] = complete(resolved(content["application/json"]["schema"], document)), shown
        problems = wrong(self.answers[key][0], value, "answer", self.answers[key][1])
        if told is None and value.get("status") != status:
            problems.append(f"answer/status: {value.get('status')} in an answer with {status}")
        return problems


def kind_of(headers):
    return headers.get("content-type", "").split(";")[0]


def medium(status, headers, body):
    """What is wrong with an answer that is a file, the way to one, or an error in XML."""
    kind, location = kind_of(headers), headers.get("location", "")
    if status == 200:
        problems = [] if "/" in kind and kind != "application/json" else [f"answer: {kind!r} is no medium"]
        return problems if body else [*problems, "answer: an empty medium"]
    if 300 <= status < 400:
        return [] if urlsplit(location).netloc else [f"answer: {location!r} leads nowhere"]
    return [] if kind.endswith("/xml") and b"RestException" in body else [f"answer: {kind!r} is no error in XML"]


def typed(schema, text):
    """The value that a parameter's text stands for."""
    kind = schema.get("type")
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    try:
        return int(text) if kind == "integer" else float(text) if kind == "number" else text
    except ValueError:
        return text


def resolved(schema, document):
    """The schema with what it refers to in place."""
    if isinstance(schema, list):
        return [resolved(inner, document) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        target = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return resolved(target, document)
    return {key: resolved(inner, document) for key, inner in schema.items() if key not in ("example", "examples")}


def complete(schema):
    """The schema of an answer, in which Twilio gives every field that is described, and no other."""
    if schema.get("type") == "array":
        return {**schema, "items": complete(schema.get("items", {}))}
    if not schema.get("properties") or "required" in schema:
        return schema
    properties = {name: complete(inner) for name, inner in schema["properties"].items()}
    return {**schema, "properties": properties, "required": sorted(properties), "additionalProperties": False}
