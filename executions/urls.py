from django.urls import path

from executions import field_views, link_views, steering_views, task_views, views

urlpatterns = [
    path("workflows/executions", views.ListExecutions.as_view()),
    path("workflows/executions/<uuid:execution_id>", views.ExecutionDetail.as_view()),
    path(
        "workflows/executions/<uuid:execution_id>/events",
        views.ExecutionEvents.as_view(),
        name="execution-events",
    ),
    path("workflows/executions/<uuid:execution_id>/steps", views.ExecutionSteps.as_view()),
    path("workflows/executions/<uuid:execution_id>/documents", views.ExecutionDocuments.as_view()),
    path("workflows/executions/<uuid:execution_id>/messages", views.ExecutionMessages.as_view()),
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
    path("workflows/tasks", task_views.ListTasks.as_view()),
    path("workflows/tasks/<uuid:task_id>", task_views.TaskDetail.as_view()),
    path("workflows/tasks/<uuid:task_id>/decide", task_views.DecideTask.as_view()),
    path("workflows/tasks/<uuid:task_id>/complete", task_views.CompleteTask.as_view()),
    path("workflows/tasks/<uuid:task_id>/claim", task_views.ClaimTask.as_view()),
    path("workflows/tasks/<uuid:task_id>/release", task_views.ReleaseTask.as_view()),
    path("workflows/tasks/<uuid:task_id>/hold", task_views.HoldTask.as_view()),
    path("workflows/tasks/<uuid:task_id>/resume", task_views.ResumeTask.as_view()),
    path("workflows/tasks/<uuid:task_id>/reassign", task_views.ReassignTask.as_view()),
    path("workflows/tasks/<uuid:task_id>/accept", field_views.AcceptTask.as_view()),
    path("workflows/tasks/<uuid:task_id>/decline", field_views.DeclineTask.as_view()),
    path("workflows/tasks/<uuid:task_id>/links", field_views.TaskLinks.as_view()),
    path("workflows/tasks/<uuid:task_id>/uploads", field_views.UploadFile.as_view()),
    path("workflows/uploads/<uuid:upload_id>", field_views.ReadUpload.as_view(), name="upload"),
    path("workflows/documents/<uuid:document_id>", views.ReadDocument.as_view(), name="document"),
    path("workflows/<uuid:workflow_id>/execute", views.ExecutePlan.as_view()),
    path("t/<uuid:link_id>/", link_views.task_page, name="link-page"),
    path("t/<uuid:link_id>/files/<uuid:upload_id>", link_views.read_file, name="link-file"),
    path("t/<path:token>", link_views.open_link, name="open-link"),
]
