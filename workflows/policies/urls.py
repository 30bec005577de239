from django.urls import path

from workflows.policies import views

urlpatterns = [
    path("policies", views.Policies.as_view()),
    path("policies/search", views.SearchPolicies.as_view()),
    path("policies/import", views.ImportPolicy.as_view()),
    path("policies/<uuid:policy_id>", views.PolicyDetail.as_view()),
    path("policies/<uuid:policy_id>/events", views.PolicyEvents.as_view()),
    path("policies/<uuid:policy_id>/import", views.ImportVersion.as_view()),
    path("policies/<uuid:policy_id>/versions/<int:number>", views.VersionDetail.as_view()),
    path("policies/<uuid:policy_id>/publish", views.PublishPolicy.as_view()),
    path("policies/<uuid:policy_id>/withdraw", views.WithdrawPolicy.as_view()),
]
