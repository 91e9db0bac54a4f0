"""Twilio's own client for Python, at work against another address than Twilio's.

The environment says where and as whom; without RECADO_SANDBOX only what Recado's own API of Twilio's
form offers is asked for, and of what RECADO_NOT_YET names, that it is refused or missing."""

import os
import queue
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

BASE, ACCOUNT, PASSWORD, TOKEN, NUMBER, SERVICE = (
    os.environ["RECADO_" + name] for name in ["BASE", "ACCOUNT", "PASSWORD", "TOKEN", "NUMBER", "SERVICE"])
SANDBOX = os.environ.get("RECADO_SANDBOX")
NOT_YET = os.environ["RECADO_NOT_YET"].split()
CUSTOMER, OTHER, MEDIA = "+529981122334", "+529985550100", "https://example.com/picture.png"
OPTED_OUT, NOBODY = "+529981121610", "SM" + "0" * 32


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
        assert error.msg and error.uri and error.method, vars(error)
    else:
        raise AssertionError(f"not refused with {status} {code}; if it is built now, take it out of NOT_YET")


def refused_list(status, code, act):
    """The client reads nothing of what it is answered instead of a page, but shows it."""
    try:
        act()
    except TwilioException as error:
        assert f"HTTP {status} " in str(error) and f'"code":{code}' in str(error), error
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

    assert client.messages(sent.sid).update(body="").body == ""
    assert client.messages(sent.sid).fetch().body == ""
    assert client.messages(sent.sid).delete()
    refused(404, 20404, client.messages(sent.sid).fetch)
    refused(404, 20404, client.messages(sent.sid).delete)


def media(client):
    sent = client.messages.create(to=CUSTOMER, from_=NUMBER, body="Mira", media_url=[MEDIA, MEDIA])
    assert (sent.sid[:2], sent.num_media) == ("MM", "2"), vars(sent)
    first, second = client.messages(sent.sid).media.list()
    kind = "application/octet-stream" if "types" in NOT_YET else "image/png"
    assert first.content_type == second.content_type == kind, vars(first)
    assert first.parent_sid == second.parent_sid == sent.sid and first.sid != second.sid
    assert [one.sid for one in client.messages(sent.sid).media.stream(limit=1)] == [first.sid]
    fetched = client.messages(sent.sid).media(first.sid).fetch()
    assert (fetched.sid, fetched.uri, fetched.date_created) == (first.sid, first.uri, first.date_created), vars(fetched)
    refused(404, 20404, client.messages(sent.sid).media("ME" + "0" * 32).fetch)
    refused_list(404, 20404, client.messages(NOBODY).media.list)
    # The address without its ending is the file.
    file = requests.get(BASE + first.uri.removesuffix(".json"), auth=(ACCOUNT, PASSWORD), allow_redirects=False)
    assert (file.status_code, file.headers["location"]) == (307, MEDIA), file.headers
    until("the delivery", lambda: client.messages(sent.sid).fetch().status == "delivered")
    if SANDBOX:
        assert client.messages(sent.sid).media(first.sid).delete()
        assert [one.sid for one in client.messages(sent.sid).media.list()] == [second.sid]


def lists(client):
    sids = [client.messages.create(to=OTHER, from_=NUMBER, body=f"Numero {n}").sid for n in range(5)][::-1]
    until("the sending", lambda: all(one.date_sent for one in client.messages.list(to=OTHER)))
    found = lambda **filters: [one.sid for one in client.messages.list(to=OTHER, page_size=2, **filters)]
    assert found() == sids
    assert found(from_=NUMBER, limit=3) == sids[:3]
    now, day = datetime.now(timezone.utc), timedelta(days=1)
    assert found(date_sent_after=now - day, date_sent_before=now + day) == sids
    assert found(date_sent_after=now + day) == found(date_sent_before=now - day) == []
    assert found(date_sent=(now - day * 9).date()) == []
    assert client.messages.list(from_=OTHER) == []
    pages(client, sids)


def pages(client, sids):
    """Message by message and page by page, on and back, while others come in."""
    wish = {"to": OTHER, "from_": NUMBER, "page_size": 2}
    assert [one.sid for one in client.messages.stream(**wish)] == sids
    assert [one.sid for one in client.messages.stream(limit=4, **wish)] == sids[:4]
    page = client.messages.page(**wish)
    assert page.previous_page_url is None and page.previous_page() is None
    seen, newer = [page], client.messages.create(to=OTHER, from_=NUMBER, body="Otro").sid
    while page := page.next_page():
        seen.append(page)
    assert seen[-1].next_page_url is None
    again = client.messages.get_page(seen[0].next_page_url)
    back = seen[-1].previous_page()
    inner = [[one.sid for one in page] for page in [*seen, again, back, back.previous_page()]]
    assert inner == [sids[:2], sids[2:4], sids[4:], sids[2:4], sids[2:4], [newer, sids[0]]], (inner, newer, sids)


def later(client):
    at = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=1)
    kept = client.messages.create(to=CUSTOMER, messaging_service_sid=SERVICE, body="Luego", schedule_type="fixed",
                                  send_at=at, status_callback=Listener.own + "/canceled")
    assert (kept.status, kept.messaging_service_sid) == ("scheduled", SERVICE), vars(kept)
    refused(409, 20009, client.messages(kept.sid).delete)
    assert until("the end of the handing over", lambda: cancel(client, kept.sid)).status == "canceled"
    assert heard("/canceled", MessageStatus="canceled")["MessageSid"] == kept.sid
    refused(400, 30409, lambda: client.messages(kept.sid).update(status="canceled"))


def cancel(client, sid):
    """The message taken back; nothing if it may not be taken back while it is being handed over."""
    try:
        return client.messages(sid).update(status="canceled")
    except TwilioRestException as error:
        if error.code != 30409 or "cancel" not in NOT_YET:
            raise


def errors(client):
    create = client.messages.create
    refused(400, 21211, lambda: create(to="+0529981122", from_=NUMBER, body="Hola"))
    refused(400, 21602, lambda: create(to=CUSTOMER, from_=NUMBER))
    refused(400, 21603, lambda: create(to=CUSTOMER, body="Hola"))
    refused(400, 21606, lambda: create(to=CUSTOMER, from_="+14155550100", body="Hola"))
    refused(400, 21617, lambda: create(to=CUSTOMER, from_=NUMBER, body="a" * 1601))
    if not SANDBOX:
        # Recado learns from its provider who has opted out.
        first = create(to=OPTED_OUT, from_=NUMBER, body="Hola").sid
        until("the refusal", lambda: client.messages(first).fetch().error_code == 21610)
    refused(400, 21610, lambda: create(to=OPTED_OUT, from_=NUMBER, body="Hola"))
    refused(404, 20404, client.messages(NOBODY).fetch)
    refused(404, 20404, client.messages(NOBODY).delete)
    refused(404, 20404, lambda: client.messages(NOBODY).update(body=""))
    stranger = Client(ACCOUNT, "wrong", http_client=Elsewhere())
    refused(401, 20003, stranger.messages(NOBODY).fetch)
    refused_list(401, 20003, lambda: stranger.messages.list(limit=1))
    refused(401, 20003, lambda: stranger.messages.create(to=CUSTOMER, from_=NUMBER, body="Hola"))


def services(client):
    sent = client.messages.create(
        to=CUSTOMER, messaging_service_sid=SERVICE, body="“Hola”", smart_encoded=True, shorten_urls=True,
        provide_feedback=True, validity_period=600, risk_check="disable", attempt=1)
    assert (sent.status, sent.from_, sent.messaging_service_sid) == ("accepted", None, SERVICE), vars(sent)
    until("the delivery", lambda: client.messages(sent.sid).fetch().status == "delivered")
    fetched = client.messages(sent.sid).fetch()
    assert (fetched.from_, fetched.messaging_service_sid, fetched.num_segments) == (NUMBER, SERVICE, "1"), vars(fetched)
    told = client.messages(sent.sid).feedback
    for outcome in ["unconfirmed", "confirmed"]:
        kept = told.create(outcome=outcome)
        assert (kept.outcome, kept.message_sid, kept.account_sid) == (outcome, sent.sid, ACCOUNT), vars(kept)
    refused(404, 20404, lambda: client.messages(NOBODY).feedback.create(outcome="confirmed"))


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
    for test in [messages, media, lists, later, errors, services]:
        test(here)
    for test in [numbers, lookups] if SANDBOX else []:
        test(here)
    print("all is as with Twilio")
