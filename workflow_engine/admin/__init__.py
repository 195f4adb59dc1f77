"""Admin: the pages on which rules are edited and the past is looked at.

The classes can be taken as mixins and `register` puts them on a site of one's own. What is
not here: deciding, sending, or writing history; these pages read it.
"""

from workflow_engine.admin.actions import ActionAdmin
from workflow_engine.admin.cache import CacheAdmin
from workflow_engine.admin.dashboard import DashboardAdmin
from workflow_engine.admin.decisions import DecisionAdmin, WorkflowDecisionAdmin
from workflow_engine.admin.deliveries import DeliveryAdmin
from workflow_engine.admin.detectors import DetectorAdmin
from workflow_engine.admin.environments import EnvironmentAdmin
from workflow_engine.admin.firings import FiringAdmin
from workflow_engine.admin.history import HistoryAdmin
from workflow_engine.admin.items import ItemAdmin
from workflow_engine.admin.registration import PAGES, STANDING, register
from workflow_engine.admin.summary import summary_of
from workflow_engine.admin.workflows import WorkflowAdmin

__all__ = [
    "PAGES",
    "STANDING",
    "ActionAdmin",
    "CacheAdmin",
    "DashboardAdmin",
    "DecisionAdmin",
    "DeliveryAdmin",
    "DetectorAdmin",
    "EnvironmentAdmin",
    "FiringAdmin",
    "HistoryAdmin",
    "ItemAdmin",
    "WorkflowAdmin",
    "WorkflowDecisionAdmin",
    "register",
    "summary_of",
]
