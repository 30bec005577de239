from django.urls import path

from executions import steering_views, views

urlpatterns = [
    path("workflows/executions", views.ListExecutions.as_view()),
    path("workflows/executions/<uuid:execution_id>", views.ExecutionDetail.as_view()),
    path("workflows/executions/<uuid:execution_id>/pause", steering_views.PauseExecution.as_view()),
    path("workflows/executions/<uuid:execution_id>/resume", steering_views.ResumeExecution.as_view()),
    path("workflows/executions/<uuid:execution_id>/cancel", steering_views.CancelExecution.as_view()),
    path(
        "workflows/executions/<uuid:execution_id>/steps/<slug:step_id>/retry",
        steering_views.RetryStep.as_view(),
    ),
    path(
        "workflows/executions/<uuid:execution_id>/steps/<slug:step_id>/skip",
        steering_views.SkipStep.as_view(),
    ),
    path(
        "workflows/executions/<uuid:execution_id>/steps/<slug:step_id>/answer",
        steering_views.AnswerStep.as_view(),
    ),
    path("workflows/tasks", views.ListTasks.as_view()),
    path("workflows/tasks/<uuid:task_id>", views.TaskDetail.as_view()),
    path("workflows/tasks/<uuid:task_id>/decide", views.DecideTask.as_view()),
    path("workflows/documents/<uuid:document_id>", views.ReadDocument.as_view(), name="document"),
    path("workflows/<uuid:workflow_id>/execute", views.ExecutePlan.as_view()),
]
