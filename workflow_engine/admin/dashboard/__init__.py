"""The dashboard: how all is going, in numbers, pictures and what needs a look; and pausing.

What is not known here: how a figure is counted or read, and how a chart is drawn.
"""

from workflow_engine.admin.dashboard.page import DashboardAdmin

__all__ = ["DashboardAdmin"]
