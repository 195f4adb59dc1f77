"""The pages of the project: the admin, where the app is looked at, and its metrics."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("hooks/", include("workflow_engine.ingress.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
]
