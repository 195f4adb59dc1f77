"""A project with an admin site of its own."""

from django.contrib.admin.sites import AdminSite
from django.urls import path

from workflow_engine.admin import register

site = AdminSite(name="own")
register(site)

urlpatterns = [path("own/", site.urls)]
