"""The app as Django sees it: what is loaded once all models are there."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from django.apps import AppConfig, apps
from django.db.models.signals import post_save
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _

from workflow_engine import registry
from workflow_engine.conf import options
from workflow_engine.signals import item_finished

#: Each registers the handlers it defines; `registry` can list them.
BUILT_IN: Final = (
    "workflow_engine.conditions",
    "workflow_engine.detectors",
    "workflow_engine.actions",
)


class WorkflowEngineConfig(AppConfig):
    """Name and label `workflow_engine`."""

    name = "workflow_engine"
    label = "workflow_engine"
    verbose_name = _("Workflow engine")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load handlers, ours first, then those of every installed app; then the checks.

        Then hear of every write to a model that some question depends on.

        Raises:
            DuplicateHandler: Two handlers claim one name; the process does not start.
        """
        for module in BUILT_IN:
            import_module(module)
        load_handlers()
        import_module("workflow_engine.checks")
        import_module("workflow_engine.lookups")  # declares the questions
        coherence = import_module("workflow_engine.caches.coherence")
        import_module("workflow_engine.metrics.figures").connect(
            cache_use=coherence.use_of_cache
        )
        receivers = import_module("workflow_engine.receivers")
        receivers.connect()
        receivers.connect_migrate(self)
        firings = import_module("workflow_engine.processing.firings")
        item_finished.connect(
            firings.settle_item, dispatch_uid="workflow_engine.settle"
        )
        unjudged = import_module("workflow_engine.processing.unjudged")
        item_finished.connect(
            unjudged.tell_unjudged, dispatch_uid="workflow_engine.unjudged"
        )
        begin = import_module("workflow_engine.processing.begin")
        post_save.connect(
            begin.begin_watch,
            sender=self.get_model("Detector"),
            dispatch_uid="workflow_engine.begin",
        )
        import_module("workflow_engine.models.rules").rows_changed.connect(
            begin.begin_watches,
            sender=self.get_model("Detector"),
            dispatch_uid="workflow_engine.begin",
        )


def load_handlers() -> None:
    """Import HANDLER_MODULE of every installed app; what cannot be imported is noted."""
    name = options.HANDLER_MODULE
    if not isinstance(name, str) or not name.isidentifier():
        return  # a system check says so
    for config in apps.get_app_configs():
        if not module_has_submodule(config.module, name):
            continue
        module = f"{config.name}.{name}"
        try:
            import_module(module)
        except ImportError as error:
            registry.note_broken(module, error)
