"""Shows that the check finds what is wrong: each change of a good exchange is named."""

import copy
import json
import os

from specification import Specification

ACCOUNT, MESSAGE = "AC" + "0" * 32, "SM" + "0" * 32
BASE = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
GOOD = {
    "account_sid": ACCOUNT, "api_version": "2010-04-01", "body": "Hola", "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
    "date_sent": None, "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000", "direction": "outbound-api",
    "error_code": None, "error_message": None, "from": "+14155552345", "messaging_service_sid": None, "num_media": "0",
    "num_segments": "1", "price": None, "price_unit": "USD", "sid": MESSAGE, "status": "queued",
    "subresource_uris": {"media": f"{BASE}/{MESSAGE}/Media.json"}, "to": "+14155552346", "uri": f"{BASE}/{MESSAGE}.json",
}
ERROR = {"code": 20404, "message": "not found", "more_info": "https://www.twilio.com/docs/errors/20404", "status": 404}
FORM = "To=%2B14155552346&From=%2B14155552345&Body=Hola&SmartEncoded=true&MediaUrl=http%3A%2F%2Fa%2F1&MediaUrl=http%3A%2F%2Fa%2F2"
MEDIUM = f"{BASE}/{MESSAGE}/Media/ME{'0' * 32}"
specification = Specification(os.environ["RECADO_TWILIO_OPENAPI"])


def judge(method="POST", target=f"{BASE}.json", form=FORM, basic=True, status=201, body=None, kind="application/json"):
    text = json.dumps(GOOD if body is None else body).encode()
    return specification.exchange(method, target, form, basic, (status, {"content-type": kind}, text))[1]


def medium(status=200, kind="image/png", location="", body=b"GIF89a", target=MEDIUM, basic=True):
    headers = {"content-type": kind, "location": location}
    return specification.exchange("GET", target, "", basic, (status, headers, body))[1]


def asked(method, target):
    return specification.exchange(method, target, "", True, None)[0]


def changed(**fields):
    return {**copy.deepcopy(GOOD), **fields}


def refused(problems, what):
    assert any(what in problem for problem in problems), (what, problems)


assert judge() == [], judge()
assert judge("GET", f"{BASE}/{MESSAGE}.json", "", status=404, body=ERROR) == []
assert judge("GET", "/v2/PhoneNumbers/+14155552346", "", status=404, body=ERROR) == []
LOOKUP = "/v2/PhoneNumbers/+14155552346"
_, _, lookup, _ = next(entry for entry in specification.operations if entry[1] == "/v2/PhoneNumbers/{PhoneNumber}")
for name, example in lookup["get"]["responses"]["200"]["content"]["application/json"]["examples"].items():
    assert judge("GET", LOOKUP, "", status=200, body=example["value"]) == [], name
refused(judge("GET", LOOKUP, "", status=200, body={**example["value"], "valid": None}), "answer/valid")
refused(judge(body=changed(date_created="2023-08-24T05:01:45Z")), "answer/date_created")
refused(judge(body=changed(date_created="Fri, 24 Aug 2023 05:01:45 +0000")), "answer/date_created")
refused(judge(body=changed(status="lost")), "answer/status")
refused(judge(body=changed(status=None)), "answer/status")
refused(judge(body=changed(num_segments=1)), "answer/num_segments")
refused(judge(body=changed(error_code="30003")), "answer/error_code")
refused(judge(body=changed(sid="XX" + "0" * 32)), "answer/sid")
refused(judge(body=changed(more="than described")), "more")
refused(judge(body={name: value for name, value in GOOD.items() if name != "price"}), "price")
refused(judge(status=200), "status 200")
refused(judge(kind="text/html"), "no JSON")
refused(judge(form=FORM + "&Colour=red"), "form/Colour: unknown")
refused(judge(form=FORM.replace("=true", "=yes")), "form/SmartEncoded")
refused(judge(form=FORM + "&ValidityPeriod=long"), "form/ValidityPeriod")
refused(judge(form=FORM + "&RiskCheck=perhaps"), "form/RiskCheck")
refused(judge(form=FORM + "&Body=Adios"), "form/Body: given 2 times")
refused(judge(form="Body=Hola"), "form/To: missing")
refused(judge(basic=False), "authorization")
refused(judge("PATCH"), "no such operation")
refused(judge("GET", f"{BASE}.json?Colour=red", ""), "query/Colour: unknown")
refused(judge("GET", f"{BASE}.json?PageSize=5000", ""), "query/PageSize")
refused(judge("GET", f"{BASE}.json?DateSent%3E=soon", ""), "query/DateSent>")
refused(judge("GET", f"{BASE}/nothing.json", ""), "path/Sid")
refused(judge(status=400, body=ERROR), "answer/status")
refused(judge(status=404, body={"status": 404}), "answer")
assert [asked("POST", f"{BASE}.json"), asked("GET", f"{BASE}.json?To=1")] == ["CreateMessage", "ListMessage"]
assert [asked("GET", MEDIUM + ".json"), asked("GET", MEDIUM)] == ["FetchMedia", "FetchMedium"]
assert asked("GET", "/v1/Services/MG1") is None
assert medium() == medium(307, location="https://example.com/a.png") == []
assert medium(404, "application/xml", body=b"<TwilioResponse><RestException/></TwilioResponse>") == []
refused(medium(basic=False), "authorization")
refused(medium(target=MEDIUM + "0"), "path/Sid")
refused(medium(kind="application/json"), "no medium")
refused(medium(body=b""), "empty medium")
refused(medium(307, location="/somewhere"), "leads nowhere")
refused(medium(404, "application/json", body=b"{}"), "no error in XML")
print("the check finds what is wrong")
