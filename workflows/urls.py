from django.urls import path

from workflows import revise_views, revision_views, views

urlpatterns = [
    path("workflows", views.ListPlans.as_view()),
    path("workflows/generate", views.GeneratePlan.as_view()),
    path("workflows/<uuid:workflow_id>", views.PlanDetail.as_view()),
    path("workflows/<uuid:workflow_id>/events", views.PlanEvents.as_view(), name="plan-events"),
    path("workflows/<uuid:workflow_id>/approve", views.ApprovePlan.as_view()),
    path("workflows/<uuid:workflow_id>/reject", views.RejectPlan.as_view()),
    path("workflows/<uuid:workflow_id>/archive", views.ArchivePlan.as_view()),
    path("workflows/<uuid:workflow_id>/simulate", views.SimulatePlan.as_view()),
    path("workflows/<uuid:workflow_id>/revisions", revision_views.ListRevisions.as_view()),
    path("workflows/<uuid:workflow_id>/revisions/<int:number>", revision_views.RevisionDetail.as_view()),
    path("workflows/<uuid:workflow_id>/revisions/<int:number>/made", revision_views.RevisionMade.as_view()),
    path("workflows/<uuid:workflow_id>/diff", revision_views.PlanDiff.as_view()),
    path("workflows/<uuid:workflow_id>/revise", revise_views.RevisePlan.as_view()),
    path("workflows/<uuid:workflow_id>/revise/<uuid:run_id>", revise_views.RevisionRun.as_view()),
    path("workflows/<uuid:workflow_id>/revise/<uuid:run_id>/made", revise_views.RevisionRunMade.as_view()),
]
