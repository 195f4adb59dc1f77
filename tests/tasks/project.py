"""The project of the workers that these tests start: entries are in Redis.

WORKERS_WORKFLOW_ENGINE    settings as JSON
WORKERS_BROKER_URL         the broker; that of the tests when it is not given
"""

import json
import os

from settings.test import *  # noqa: F403
from settings.test import CELERY_BROKER_URL as TEST_BROKER_URL

CELERY_BROKER_URL = os.environ.get("WORKERS_BROKER_URL") or TEST_BROKER_URL
CELERY_TASK_DEFAULT_QUEUE = "beside"
CELERY_IMPORTS = ["tests.tasks.looking"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
WORKFLOW_ENGINE = json.loads(os.environ["WORKERS_WORKFLOW_ENGINE"])
