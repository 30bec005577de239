from django.urls import path

from issues import attachment_views, reference_views, views

urlpatterns = [
    path("issues", views.Issues.as_view()),
    path("issues/<str:reference>", views.IssueDetail.as_view()),
    path("issues/<str:reference>/events", views.IssueEvents.as_view()),
    path("issues/<str:reference>/facts", views.IssueFacts.as_view()),
    path("issues/<str:reference>/notes", views.IssueNotes.as_view()),
    path("issues/<str:reference>/attachments", attachment_views.Attachments.as_view()),
    path(
        "issues/<str:reference>/attachments/<uuid:attachment_id>",
        attachment_views.AttachmentDetail.as_view(),
    ),
    path("categories", reference_views.Categories.as_view()),
    path("categories/<slug:code>", reference_views.CategoryDetail.as_view()),
    path("departments", reference_views.Departments.as_view()),
    path("departments/<slug:code>", reference_views.DepartmentDetail.as_view()),
]
