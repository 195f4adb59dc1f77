"""Private PostgreSQL and Redis servers, up for one test run and gone after it.

They live in a temporary directory, on a socket and on a free port of 127.0.0.1, and
run as `nobody` for root. What lives here does not know the package, nor Django.

WORKFLOW_TEST_SERVERS    where the programs come from: auto (the default: the
                         machine's own when new enough, else wheels), system, wheels
"""

from tests.servers.binaries import ServerError
from tests.servers.handle import Servers

__all__ = ["ServerError", "Servers"]
