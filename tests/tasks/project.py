"""The project of the workers that these tests start: entries are in Redis.

WORKERS_WORKFLOW_ENGINE    settings as JSON
"""

import json
import os

from settings.test import *  # noqa: F403

CELERY_TASK_DEFAULT_QUEUE = "beside"
WORKFLOW_ENGINE = json.loads(os.environ["WORKERS_WORKFLOW_ENGINE"])
