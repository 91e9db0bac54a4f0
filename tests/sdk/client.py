"""Twilio's own client for Python, at work against another address than Twilio's.

The environment says where and as whom; without RECADO_SANDBOX only what Recado's own API of Twilio's
form offers is asked for."""

import os
import queue
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

BASE, ACCOUNT, PASSWORD, TOKEN, NUMBER, SERVICE = (
    os.environ["RECADO_" + name] for name in ["BASE", "ACCOUNT", "PASSWORD", "TOKEN", "NUMBER", "SERVICE"])
SANDBOX = os.environ.get("RECADO_SANDBOX")
CUSTOMER, OTHER, MEDIA = "+529981122334", "+529985550100", "https://example.com/picture.png"


class Elsewhere(TwilioHttpClient):
    """Sends to another host what the client means for Twilio's."""

    def request(self, method, url, *arguments, **named):
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return super().request(method, BASE + path, *arguments, **named)


class Listener(BaseHTTPRequestHandler):
    """Takes webhooks, and lets Twilio's own validator judge them."""

    calls, own = queue.Queue(), None

    def do_POST(self):
        form = self.rfile.read(int(self.headers["content-length"])).decode()
        pairs = dict(parse_qsl(form, keep_blank_values=True))
        signature = self.headers.get("x-twilio-signature", "")
        is_good = RequestValidator(TOKEN).validate(self.own + self.path, pairs, signature)
        is_bad = RequestValidator("another").validate(self.own + self.path, pairs, signature)
        self.calls.put((self.path, pairs, is_good and not is_bad))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def heard(path, **wanted):
    """The first call from now on of that path with these parameters."""
    while True:
        called, pairs, is_signed = Listener.calls.get(timeout=20)
        if called == path and all(pairs.get(name) == value for name, value in wanted.items()):
            assert is_signed, f"{called} is not signed as Twilio does: {pairs}"
            return pairs


def until(what, look):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come")


def refused(status, code, act):
    try:
        act()
    except TwilioRestException as error:
        assert (error.status, error.code) == (status, code), (status, code, vars(error))
        assert error.msg, vars(error)
    else:
        raise AssertionError(f"not refused with {status} {code}")


def messages(client):
    sent = client.messages.create(
        to=CUSTOMER, from_=NUMBER, body="Hola ñandú 👍", status_callback=Listener.own + "/status?a=b%20c")
    assert (sent.body, sent.to, sent.from_, sent.direction) == ("Hola ñandú 👍", CUSTOMER, NUMBER, "outbound-api")
    assert sent.account_sid == ACCOUNT and sent.error_code is None and sent.date_created.tzinfo, vars(sent)
    assert heard("/status?a=b%20c", MessageStatus="delivered")["MessageSid"] == sent.sid
    fetched = client.messages(sent.sid).fetch()
    assert (fetched.status, fetched.body, fetched.num_segments) == ("delivered", sent.body, "1")
    assert fetched.date_sent >= fetched.date_created

    medium = client.messages.create(to=CUSTOMER, from_=NUMBER, body="Mira", media_url=[MEDIA, MEDIA])
    assert (medium.sid[:2], medium.num_media) == ("MM", "2"), vars(medium)
    listed = client.messages(medium.sid).media.list()
    assert [one.content_type for one in listed] == ["image/png"] * 2, listed
    assert {one.parent_sid for one in listed} == {medium.sid}

    until("the delivery", lambda: client.messages(medium.sid).fetch().status == "delivered")
    assert client.messages(sent.sid).update(body="").body == ""
    assert client.messages(sent.sid).fetch().body == ""
    assert client.messages(sent.sid).delete()
    refused(404, 20404, client.messages(sent.sid).fetch)
    return medium


def lists(client):
    sids = [client.messages.create(to=OTHER, from_=NUMBER, body=f"Numero {n}").sid for n in range(5)]
    until("the sending", lambda: all(one.date_sent for one in client.messages.list(to=OTHER)))
    assert [one.sid for one in client.messages.list(to=OTHER, page_size=2)] == sids[::-1]
    assert [one.sid for one in client.messages.list(to=OTHER, from_=NUMBER, limit=3, page_size=2)] == sids[:1:-1]
    now, day = datetime.now(timezone.utc), timedelta(days=1)
    count = lambda **filters: len(client.messages.list(to=OTHER, page_size=2, **filters))
    assert count(date_sent_after=now - day, date_sent_before=now + day) == 5
    assert count(date_sent_after=now + day) == count(date_sent_before=now - day) == 0
    assert count(date_sent=(now - day * 9).date()) == 0
    assert client.messages.list(from_=OTHER) == []
    page = client.messages.page(to=OTHER, page_size=2).next_page()
    assert [one.sid for one in page] == sids[2:0:-1]
    assert [one.sid for one in page.previous_page()] == sids[:2:-1]


def later(client):
    at = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=1)
    kept = client.messages.create(to=CUSTOMER, messaging_service_sid=SERVICE, body="Luego", schedule_type="fixed",
                                  send_at=at, status_callback=Listener.own + "/canceled")
    assert (kept.status, kept.messaging_service_sid) == ("scheduled", SERVICE), vars(kept)
    assert client.messages(kept.sid).update(status="canceled").status == "canceled"
    assert heard("/canceled", MessageStatus="canceled")["MessageSid"] == kept.sid
    refused(400, 30409, lambda: client.messages(kept.sid).update(status="canceled"))


def errors(client):
    create = client.messages.create
    refused(400, 21211, lambda: create(to="+0529981122", from_=NUMBER, body="Hola"))
    refused(400, 21602, lambda: create(to=CUSTOMER, from_=NUMBER))
    refused(400, 21603, lambda: create(to=CUSTOMER, body="Hola"))
    refused(400, 21617, lambda: create(to=CUSTOMER, from_=NUMBER, body="a" * 1601))
    refused(404, 20404, client.messages("SM" + "0" * 32).fetch)
    stranger = Client(ACCOUNT, "wrong", http_client=Elsewhere())
    refused(401, 20003, stranger.messages("SM" + "0" * 32).fetch)


def feedback(client):
    sent = client.messages.create(to=CUSTOMER, from_=NUMBER, body="Su clave es 1234", provide_feedback=True)
    told = client.messages(sent.sid).feedback.create(outcome="confirmed")
    assert (told.message_sid, told.outcome) == (sent.sid, "confirmed") and told.date_created.tzinfo, vars(told)
    assert client.messages(sent.sid).fetch().subresource_uris["feedback"] == told.uri


def services(client):
    sent = client.messages.create(
        to=CUSTOMER, messaging_service_sid=SERVICE, body="“Hola”", smart_encoded=True, shorten_urls=True,
        provide_feedback=True, validity_period=600, risk_check="disable", attempt=1)
    assert (sent.status, sent.num_segments) == ("accepted", "0"), vars(sent)
    until("the delivery", lambda: client.messages(sent.sid).fetch().status == "delivered")


def media(client, medium):
    first, second = client.messages(medium.sid).media.list()
    assert client.messages(medium.sid).media(first.sid).fetch().sid == first.sid
    assert client.messages(medium.sid).media(first.sid).delete()
    assert [one.sid for one in client.messages(medium.sid).media.list()] == [second.sid]


def numbers(client):
    number, = client.incoming_phone_numbers.list(phone_number=NUMBER)
    assert number.phone_number == NUMBER and number.capabilities["sms"]
    updated = client.incoming_phone_numbers(number.sid).update(sms_url=Listener.own + "/inbound", sms_method="POST")
    assert client.incoming_phone_numbers(number.sid).fetch().sms_url == updated.sms_url == Listener.own + "/inbound"
    requests.post(SANDBOX + "/sandbox/messages", json={"from": CUSTOMER, "text": "¿Abren?"}).raise_for_status()
    assert heard("/inbound", From=CUSTOMER)["Body"] == "¿Abren?"
    refused(404, 20404, client.incoming_phone_numbers("PN" + "0" * 32).fetch)


def lookups(client):
    told = client.lookups.v2.phone_numbers(CUSTOMER).fetch(fields="line_type_intelligence,sms_pumping_risk")
    assert told.valid and told.country_code == "MX" and told.line_type_intelligence["type"] == "mobile", vars(told)
    assert told.sms_pumping_risk["sms_pumping_risk_score"] < 90
    assert client.lookups.v2.phone_numbers("5512345678").fetch(country_code="MX").phone_number == "+525512345678"
    assert client.lookups.v2.phone_numbers("+52551234").fetch().validation_errors == ["TOO_SHORT"]


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    Listener.own = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = Client(ACCOUNT, PASSWORD, http_client=Elsewhere())
    with_media = messages(here)
    lists(here)
    later(here)
    errors(here)
    feedback(here)
    if SANDBOX:
        services(here)
        media(here, with_media)
        numbers(here)
        lookups(here)
    print("all is as with Twilio")
