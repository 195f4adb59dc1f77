"""The project of the processes that a journey starts: that of the tests, with a shop in it.

JOURNEY_BROKER_URL    the broker; that of the tests when it is not given
"""

import os

from settings.test import *  # noqa: F403
from settings.test import CELERY_BROKER_URL as TEST_BROKER_URL
from settings.test import INSTALLED_APPS as TEST_APPS
from tests.journeys.engine import ENGINE

INSTALLED_APPS = [*TEST_APPS, "tests.journeys.shop"]
CELERY_BROKER_URL = os.environ.get("JOURNEY_BROKER_URL") or TEST_BROKER_URL
WORKFLOW_ENGINE = ENGINE
