"""Writes ../signatures.json: how Twilio's own library signs many webhooks.

Run it where `twilio` is installed; see README.md. The webhooks are fixed, so that a run changes
nothing unless the library does. No token, account or number here is anyone's.
"""

import json
import pathlib
from urllib.parse import quote, quote_plus

from twilio.request_validator import RequestValidator

TOKEN = "e2e0123456789abcdef0123456789abc"
ACCOUNT = "AC00000000000000000000000000000001"
OURS = "+529983162438"
THEIRS = "+529981112233"
SERVICE = "MG00000000000000000000000000000001"
INBOUND = "https://sms.example.mx/webhooks/sms/inbound"
STATUS = "https://sms.example.mx/webhooks/sms/status"


class Form(dict):
    """A form as the library wants it: a name may have several values."""

    def __init__(self, params):
        super().__init__(params)
        self.params = params

    def getlist(self, name):
        return [value for other, value in self.params if other == name]


def case(name, url, params, token=TOKEN, kind="plain", encode=quote_plus):
    body = "&".join(f"{encode(key)}={encode(value)}" for key, value in params)
    signature = RequestValidator(token).compute_signature(url, Form(params))
    return {"name": name, "kind": kind, "url": url, "token": token, "params": params, "body": body, "signature": signature}


def sid(prefix, number):
    return f"{prefix}{number:032x}"


def geography(side, values):
    return dict(zip((f"{side}City", f"{side}State", f"{side}Zip", f"{side}Country"), values))


def inbound(name, number, text, media=(), segments=1, sender=THEIRS, place=("", "", "", "MX"), **extra):
    """An inbound message, with the parameters in the order that Twilio sends them in."""
    message = sid("MM" if media else "SM", number)
    to, by = geography("To", ("", "", "", "MX")), geography("From", place)
    params = [["ToCountry", to["ToCountry"]]]
    params += [[f"MediaContentType{index}", kind] for index, kind in enumerate(media)]
    params += [
        ["ToState", to["ToState"]],
        ["SmsMessageSid", message],
        ["NumMedia", str(len(media))],
        ["ToCity", to["ToCity"]],
        ["FromZip", by["FromZip"]],
        ["SmsSid", message],
        ["FromState", by["FromState"]],
        ["SmsStatus", "received"],
        ["FromCity", by["FromCity"]],
        ["Body", text],
        ["FromCountry", by["FromCountry"]],
        ["To", OURS],
        ["ToZip", to["ToZip"]],
        ["NumSegments", str(segments)],
        ["MessageSid", message],
        ["AccountSid", ACCOUNT],
        ["From", sender],
    ]
    host = "https://api.twilio.com/2010-04-01"
    params += [
        [f"MediaUrl{index}", f"{host}/Accounts/{ACCOUNT}/Messages/{message}/Media/{sid('ME', number * 16 + index)}"]
        for index in range(len(media))
    ]
    params += [["ApiVersion", "2010-04-01"]]
    params += [[key, value] for key, value in extra.items()]
    return case(name, INBOUND, params, kind="inbound")


def status(name, number, word, url=STATUS, service=None, **extra):
    message = sid("SM", number)
    params = [["SmsSid", message], ["SmsStatus", word], ["MessageStatus", word], ["To", THEIRS]]
    params += [["MessagingServiceSid", service]] if service else []
    params += [["MessageSid", message], ["AccountSid", ACCOUNT], ["From", OURS], ["ApiVersion", "2010-04-01"]]
    params += [[key, value] for key, value in extra.items()]
    return case(name, url, params, kind="status")


def webhooks():
    long = "Buenas tardes, quisiera saber si todavía hay lugar mañana por la tarde para dos personas; venimos de Mérida. " * 3
    yield inbound("inbound: a greeting", 1, "Hola")
    yield inbound("inbound: accents and an emoji", 2, "¿Qué tal? ¡Mañana sí! 😀")
    yield inbound("inbound: a trailing space", 3, "Quiero una cita ")
    yield inbound("inbound: an opt-out", 4, "STOP")
    yield inbound("inbound: an opt-out that Twilio answered", 5, "STOP", OptOutType="STOP")
    yield inbound("inbound: an opt-in", 6, "START")
    yield inbound("inbound: a Spanish opt-out", 7, "BAJA")
    yield inbound("inbound: empty", 8, "")
    yield inbound("inbound: several segments", 9, long.strip(), segments=5)
    yield inbound("inbound: two lines", 10, "Primera línea\r\nSegunda línea\n")
    yield inbound("inbound: markup", 11, "<b>a & b</b> \"c\" 'd' 100% x=1&y=2;z+w")
    yield inbound("inbound: a picture", 12, "Mira", media=("image/jpeg",))
    yield inbound("inbound: three media and no text", 13, "", media=("image/png", "audio/amr", "text/x-vcard"))
    yield inbound("inbound: with a place", 14, "Msg", sender="+14133881111", place=("CHICOPEE", "MA", "01022", "US"))
    yield inbound("inbound: the old Mexican form", 15, "Hola", sender="+5219981112233")
    yield inbound("inbound: a short code", 16, "Su saldo es de $50.00", sender="22395")
    yield inbound("inbound: a messaging service", 17, "Hola", MessagingServiceSid=SERVICE)
    yield inbound("inbound: a parameter that does not exist yet", 18, "Hola", ZFuture="á b+c", aFuture="")
    yield status("status: sent", 101, "sent")
    yield status("status: delivered", 101, "delivered", RawDlrDoneDate="2611222359")
    yield status("status: undelivered", 102, "undelivered", ErrorCode="30003", RawDlrDoneDate="2611222359")
    yield status("status: failed", 103, "failed", ErrorCode="30007")
    yield status("status: failed with a text", 103, "failed", ErrorCode="21610", ErrorMessage="Attempt to send to unsubscribed recipient")
    yield status("status: queued by a messaging service", 104, "queued", service=SERVICE)
    yield status("status: canceled", 105, "canceled", service=SERVICE)
    yield status("status: read", 106, "read", EventType="READ", ChannelPrefix="whatsapp")
    yield status("status: with our own id", 107, "delivered", url=f"{STATUS}?part=0192f3a4-5b6c-7d8e-9f00-112233445566")


def plain():
    url = "https://gw.example.com/twilio"
    basic = [["To", OURS], ["From", THEIRS], ["Body", "Hola"]]
    forms = {
        "no parameters": [],
        "one parameter": [["Body", "Hola"]],
        "an empty value": [["Body", ""], ["From", "+1"]],
        "all empty": [["a", ""], ["b", ""], ["", ""]],
        "an empty name": [["", "value"], ["a", "b"]],
        "order is by byte, capitals first": [["b", "1"], ["B", "2"], ["a", "3"], ["_", "4"], ["A", "5"], ["Z", "6"]],
        "names that start alike": [["Body", "1"], ["Body1", "2"], ["Bod", "3"], ["Body.x", "4"], ["Body-x", "5"]],
        "numbered names": [[f"MediaUrl{index}", f"https://example.com/{index}"] for index in range(11)],
        "repeated with the same value": [["Digits", "1234"], ["Digits", "1234"]],
        "repeated with others": [["Digits", "5678"], ["Digits", "1234"], ["Digits", "1234"], ["Sid", "CA1"]],
        "repeated, one empty": [["a", "x"], ["a", ""], ["a", "b"]],
        "repeated, not together": [["a", "2"], ["b", "x"], ["a", "1"]],
        "only white space": [["Body", "   "]],
        "leading white space": [["Body", "  hola"]],
        "trailing white space": [["Body", "hola \n"]],
        "a tab and line ends": [["Body", "\ta\r\nb\rc\n"]],
        "white space in a name": [[" a ", "1"], ["b c", "2"]],
        "a plus sign": [["From", "+529983162438"], ["Body", "1+1=2"]],
        "a percent sign": [["Body", "100% %41 %zz %"]],
        "separators": [["Body", "a&b=c;d?e#f/g\\h"]],
        "quotes": [["Body", "It's \"so\" `amazing` «sí»"]],
        "accents": [["Body", "áéíóúñü ÁÉÍÓÚÑÜ ¿¡"]],
        "accents in a name": [["ñandú", "1"], ["zorro", "2"], ["árbol", "3"]],
        "decomposed accents": [["Body", "e\u0301 n\u0303"]],
        "an emoji": [["Body", "😀"]],
        "joined emoji": [["Body", "👩‍👩‍👧‍👦 🇲🇽 👍🏽"]],
        "names beyond the first plane": [["\U0001f600", "1"], ["\uff21", "2"], ["z", "3"]],
        "Chinese, Arabic, Greek": [["Body", "你好 مرحبا Ελλάδα"]],
        "control characters": [["Body", "a\u0000b\u0001c\u007fd"]],
        "no-break and zero-width spaces": [["Body", "a\u00a0b\u200bc\ufeff"]],
        "a long text": [["Body", "ñandú " * 300]],
        "JSON in a value": [["ChannelMetadata", '{"type":"whatsapp","data":{"context":{"ProfileName":"José"}}}']],
    }
    for name, params in forms.items():
        yield case(name, url, params)
    urls = [
        "http://gw.example.com/twilio",
        "https://gw.example.com",
        "https://gw.example.com/",
        "https://gw.example.com/twilio/",
        "https://gw.example.com:443/twilio",
        "https://gw.example.com:8443/twilio",
        "http://gw.example.com:80/twilio",
        "http://127.0.0.1:3000/twilio",
        "http://[::1]:3000/twilio",
        "https://gw.example.com/twilio?",
        "https://gw.example.com/twilio?a=1&b=2",
        "https://gw.example.com/twilio?b=2&a=1&a=",
        "https://gw.example.com/twilio?q=%C3%A1%20b+c&Body=Hola",
        "https://gw.example.com/twilio?q=It's",
        "https://gw.example.com/twilio?q=It%27s",
        "https://gw.example.com/a%2Fb/%E2%9C%93/c",
        "https://GW.Example.COM/Twilio",
        "https://xn--caf-dma.example.com/twilio",
    ]
    for url in urls:
        yield case(f"url {url}", url, basic)
    yield case("a query and no parameters", "https://gw.example.com/twilio?Body=Hi+there&From=%2B14017122661", [])
    yield case("spaces as %20 on the wire", "https://gw.example.com/twilio", [["Body", "a b  c"], ["x y", "z"]], encode=quote)
    yield case("another token", "https://gw.example.com/twilio", basic, token="12345")
    yield case("a token that is not ASCII", "https://gw.example.com/twilio", basic, token="contraseña")


def main():
    lines = [json.dumps(case, ensure_ascii=False) for case in [*webhooks(), *plain()]]
    about = "Signatures of the Python package twilio 9.13.0. Written by generate/signatures.py. `body` is the form on the wire."
    path = pathlib.Path(__file__).resolve().parent.parent / "signatures.json"
    text = '{"about": ' + json.dumps(about) + ',\n"cases": [\n' + ",\n".join(lines) + "\n]}\n"
    path.write_text(text, encoding="utf-8")
    print(f"{len(lines)} webhooks")


if __name__ == "__main__":
    main()
