"""View: the metrics of all processes over HTTP; the same at every address."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.export.access import Access, access_of
from workflow_engine.export.families import read_families
from workflow_engine.export.text import exposer, is_installed

_PLAIN: Final = "text/plain; charset=utf-8"

NOT_INSTALLED: Final = "prometheus-client is not installed.\n"
MAY_NOT: Final = "The permission to view the dashboard is missing.\n"
NO_TOKEN: Final = "A bearer token or a login is missing.\n"  # noqa: S105 - a sentence
WRONG_TOKEN: Final = "The bearer token is wrong.\n"  # noqa: S105 - a sentence

#: RFC 6750 section 3: an error is named to those alone who sent a token.
CHALLENGE: Final = 'Bearer realm="workflow_engine"'
CHALLENGE_WRONG: Final = f'{CHALLENGE}, error="invalid_token"'


@never_cache
@require_safe
def metrics_view(request: HttpRequest) -> HttpResponse:
    """Answer with every metric, in the format that is asked for.

    To METRICS_TOKEN as a bearer token, and to staff who may view the dashboard.
    """
    if not is_installed():
        return HttpResponse(NOT_INSTALLED, status=404, content_type=_PLAIN)
    access = access_of(request)
    if access is not Access.GRANTED:
        return _refusal(access)
    families = read_families(options.DATABASE, clock.now())
    text = exposer()(families, request.headers.get("Accept", ""))
    response = HttpResponse(text.body, content_type=text.content_type)
    response["Vary"] = "Accept"
    return response


def _refusal(access: Access) -> HttpResponse:
    if access is Access.FORBIDDEN:
        return HttpResponse(MAY_NOT, status=403, content_type=_PLAIN)
    is_wrong = access is Access.WRONG_TOKEN
    text = WRONG_TOKEN if is_wrong else NO_TOKEN
    response = HttpResponse(text, status=401, content_type=_PLAIN)
    response["WWW-Authenticate"] = CHALLENGE_WRONG if is_wrong else CHALLENGE
    return response
