"""Addresses: `path("hooks/", include("workflow_engine.ingress.urls"))`."""

from __future__ import annotations

from django.urls import path

from workflow_engine.export.view import metrics_view

app_name = "workflow_engine"

urlpatterns = [path("metrics", metrics_view, name="metrics")]
