"""What an application checks of an event, with the library that Standard Webhooks has for Python."""

import os

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

body = os.environ["RECADO_BODY"]
headers = {name: os.environ["RECADO_" + name.upper().replace("-", "_")]
           for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
webhook = Webhook(os.environ["RECADO_SECRET"])

event = webhook.verify(body, headers)
assert event["type"] == "message.forwarded", event
assert event["data"]["message"]["text"] == "forward crm; say ¿qué tal?", event

for changed in (
    (body.replace("forward", "forwerd"), headers),
    (body, {**headers, "webhook-id": "another"}),
    (body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
):
    try:
        webhook.verify(*changed)
    except WebhookVerificationError:
        continue
    raise AssertionError("something else was taken for what was signed")
