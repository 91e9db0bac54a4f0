"""The same three doors as the gateway's."""

from django.urls import path

from messaging import views

urlpatterns = [
    path("webhooks/sms/inbound", views.inbound),
    path("webhooks/sms/status", views.status),
    path("v1/messages", views.send),
]
