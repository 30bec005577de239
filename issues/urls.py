from django.urls import path

from issues import views

urlpatterns = [
    path("issues/<str:reference>", views.IssueDetail.as_view()),
    path("issues/<str:reference>/events", views.IssueEvents.as_view()),
    path("issues/<str:reference>/facts", views.IssueFacts.as_view()),
]
