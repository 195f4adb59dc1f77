"""The project under test with a theme in front of the admin, as its users install one."""

from settings.test import *  # noqa: F403
from settings.test import INSTALLED_APPS as PLAIN
from settings.test import MIDDLEWARE as STRICT

INSTALLED_APPS = ["unfold", *PLAIN]

# The theme brings scripts and styles of its own that a strict policy refuses.
MIDDLEWARE = [one for one in STRICT if one != "settings.csp.strict_csp"]
