from django.urls import path

from mudda.webhooks import views

urlpatterns = [
    path("webhooks", views.Webhooks.as_view()),
    path("webhooks/event-types", views.EventTypes.as_view()),
    path("webhooks/<uuid:webhook_id>", views.WebhookDetail.as_view()),
    path("webhooks/<uuid:webhook_id>/rotate-secret", views.RotateSecret.as_view()),
    path("webhooks/<uuid:webhook_id>/test", views.TestWebhook.as_view()),
    path("webhooks/<uuid:webhook_id>/replay", views.ReplayRange.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries", views.Deliveries.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries/<int:delivery_id>/replay", views.ReplayDelivery.as_view()),
]
