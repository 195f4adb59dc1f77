"""The project of the commands that run as processes: no broker unless a test names one.

COMMANDS_WORKFLOW_ENGINE    the setting, as JSON
COMMANDS_BROKER_URL         none when it is not given
"""

import json
import os

from settings.test import *  # noqa: F403

CELERY_BROKER_URL = os.environ.get("COMMANDS_BROKER_URL", "")
WORKFLOW_ENGINE = json.loads(os.environ.get("COMMANDS_WORKFLOW_ENGINE") or "{}")
