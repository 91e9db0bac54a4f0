"""Conversations, their messages, and what was reported of these."""

from django.db import models


class Conversation(models.Model):
    address = models.CharField(max_length=32)
    open = models.BooleanField(default=True)
    unread = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    last_message_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            # One open conversation with each address, also when two messages come at once.
            models.UniqueConstraint(fields=["address"], condition=models.Q(open=True), name="one_open"),
        ]


class Message(models.Model):
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="messages")
    direction = models.CharField(max_length=8)
    # The same id again is the same message again.
    sid = models.CharField(max_length=34, null=True, unique=True)
    sender = models.CharField(max_length=32)
    recipient = models.CharField(max_length=32)
    text = models.TextField()
    status = models.CharField(max_length=16)
    error_code = models.IntegerField(null=True)
    in_reply_to = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    # What the webhook was answered, for the provider that asks again.
    answer = models.TextField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class Observation(models.Model):
    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT)
    sid = models.CharField(max_length=34)
    status = models.CharField(max_length=16)
    raw = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sid", "status"], name="observed_once")]
