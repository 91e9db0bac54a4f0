"""The gateway's duties as one writes them in Django with Twilio's library, without a queue of one's own."""

import json
from hmac import compare_digest

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.messaging_response import MessagingResponse

from .models import Conversation, Message, Observation

RULES = {"precio": "La lista de precios va en camino.", "cita": "¿Qué día le conviene?"}
RANK = {"queued": 0, "sending": 1, "sent": 2, "delivered": 3, "undelivered": 3, "failed": 3}

validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)


class LocalHttpClient(TwilioHttpClient):
    """Twilio's own client, with its pooled connections, turned to the local Twilio."""

    def request(self, method, uri, *args, **kwargs):
        return super().request(method, uri.replace("https://api.twilio.com", settings.TWILIO_BASE_URL, 1), *args, **kwargs)


client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=LocalHttpClient(pool_connections=True))


def is_signed(request):
    url = settings.PUBLIC_URL + request.get_full_path()
    return validator.validate(url, request.POST, request.headers.get("X-Twilio-Signature", ""))


def open_conversation(address):
    now = timezone.now()
    conversation, _ = Conversation.objects.get_or_create(address=address, open=True, defaults={"last_message_at": now})
    return conversation


def inbound(request):
    """A text comes in: stored once, and answered by the first rule that fits."""
    if not is_signed(request):
        return HttpResponse(status=403)
    form = request.POST
    before = Message.objects.filter(sid=form["MessageSid"]).only("answer").first()
    if before is not None:
        return HttpResponse(before.answer, content_type="text/xml")
    try:
        with transaction.atomic():
            answer = record(form)
    except IntegrityError:
        # It came twice at the same time.
        answer = Message.objects.get(sid=form["MessageSid"]).answer
    return HttpResponse(answer, content_type="text/xml")


def record(form):
    conversation = open_conversation(form["From"])
    message = Message.objects.create(
        conversation=conversation,
        direction="inbound",
        sid=form["MessageSid"],
        sender=form["From"],
        recipient=form["To"],
        text=form["Body"],
        status="received",
    )
    response = MessagingResponse()
    words = form["Body"].lower().split()
    reply = next((reply for keyword, reply in RULES.items() if keyword in words), None)
    if reply is not None:
        stored = Message.objects.create(
            conversation=conversation,
            direction="outbound",
            sender=form["To"],
            recipient=form["From"],
            text=reply,
            status="pending",
            in_reply_to=message,
        )
        callback = f"{settings.PUBLIC_URL}/webhooks/sms/status?message={stored.pk}"
        response.message(reply, status_callback=callback)
    message.answer = str(response)
    message.save(update_fields=["answer", "updated_at"])
    conversation.unread += 1
    conversation.last_message_at = message.created_at
    conversation.save(update_fields=["unread", "last_message_at"])
    return message.answer


def send(request):
    """An application sends: stored, handed over by Twilio's client, and what that said is stored."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not compare_digest(given, settings.API_KEY):
        return JsonResponse({"title": "no key"}, status=401)
    body = json.loads(request.body)
    with transaction.atomic():
        message = Message.objects.create(
            conversation=open_conversation(body["to"]),
            direction="outbound",
            sender=settings.NUMBER,
            recipient=body["to"],
            text=body["text"],
            status="sending",
        )
    callback = f"{settings.PUBLIC_URL}/webhooks/sms/status?message={message.pk}"
    created = client.messages.create(
        to=message.recipient, from_=message.sender, body=message.text, status_callback=callback
    )
    with transaction.atomic():
        # A report may have been faster.
        message = Message.objects.select_for_update().get(pk=message.pk)
        message.sid = created.sid
        advance(message, created.status)
    return JsonResponse({"id": message.pk, "sid": message.sid, "status": message.status}, status=202)


def status(request):
    """A report: kept once, and the message never goes back."""
    if not is_signed(request):
        return HttpResponse(status=403)
    form = request.POST
    with transaction.atomic():
        found = Message.objects.select_for_update().filter(pk=request.GET.get("message")).first()
        _, new = Observation.objects.get_or_create(
            sid=form["MessageSid"], status=form["MessageStatus"], defaults={"message": found, "raw": form.dict()}
        )
        if found is not None and new:
            found.sid = form["MessageSid"]
            advance(found, form["MessageStatus"])
    return HttpResponse(status=204)


def advance(message, status):
    if RANK.get(status, 0) >= RANK.get(message.status, 0):
        message.status = status
    message.save(update_fields=["sid", "status", "updated_at"])
