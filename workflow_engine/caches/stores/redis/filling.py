"""Filling: the one script, which stores values whose permits still stand.

The server it runs on is asked inside the script, so that a permit that a restart brought
back from a snapshot is refused whatever the connection believes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import (
    InvalidResponse,
    NoScriptError,
    OutOfMemoryError,
    ResponseError,
)

from workflow_engine.caches.stores.base import Fill, Filled
from workflow_engine.caches.stores.redis.errors import script_unavailable, unavailable
from workflow_engine.caches.stores.redis.line import Line
from workflow_engine.caches.stores.redis.packing import Command

#: KEYS are cells; ARGV has a permit, a value and a life in ms for each. Answers a word for
#: each, or the text of an error that is none of the cell's own. Redis 6 puts the place in
#: the script before that text. INFO in a script: from
#: Redis 6.2 on, one section at a time.
SCRIPT: Final = b"""
local function field(section, name)
  local info = redis.call('INFO', section)
  return string.match(info, '\\n' .. name .. ':(%w+)') or ''
end

local run_id = field('server', 'run_id')
local replication_id = field('replication', 'master_replid')
local incarnation = string.sub(redis.sha1hex(run_id .. replication_id), 1, 16)

local function fill(cell, permit, value, life)
  if string.sub(permit, 3, 18) ~= incarnation then return 'server_changed' end
  local held = redis.pcall('GET', cell)
  if not held then return 'gone' end
  if type(held) == 'table' then
    return string.find(held.err, 'WRONGTYPE', 1, true) and 'other' or held.err
  end
  if held ~= permit then return 'other' end
  local done = redis.pcall('SET', cell, value, 'PX', life)
  if not done.err then return 'stored' end
  return string.find(done.err, 'OOM ', 1, true) and 'oom' or done.err
end

local results = {}
for place, cell in ipairs(KEYS) do
  local at = 3 * place
  results[place] = fill(cell, ARGV[at - 2], ARGV[at - 1], ARGV[at])
end
return results
"""

DIGEST: Final = hashlib.sha1(SCRIPT, usedforsecurity=False).hexdigest().encode()

_RESULTS: Final = {result.encode(): result for result in Filled}


def fill_over(line: Line, fills: Sequence[Fill]) -> Any:
    """Return the reply to one call; an error reply is a value.

    The second sending repeats nothing: the first found no script, and so did nothing.
    """
    arguments = _arguments(fills)
    reply = line.ask((b"EVALSHA", DIGEST, *arguments))
    if isinstance(reply, NoScriptError):
        reply = line.ask((b"EVAL", SCRIPT, *arguments))
    if isinstance(reply, ResponseError) or len(reply) == len(fills):
        return reply
    raise InvalidResponse("A script answered for other cells.")


def results_of(reply: Any, count: int) -> list[Filled]:
    """Return what became of each value.

    Raises:
        CacheUnavailable: The script failed, or the server refused a cell for its own
            reasons; what was stored before stays.
    """
    if isinstance(reply, OutOfMemoryError):
        return [Filled.OOM] * count
    if isinstance(reply, ResponseError):
        raise unavailable(reply, otherwise="script") from reply
    for word in reply:
        if word not in _RESULTS:
            raise script_unavailable(word.decode(errors="replace"))
    return [_RESULTS[word] for word in reply]


def _arguments(fills: Sequence[Fill]) -> Command:
    arguments = [b"%d" % len(fills)]
    arguments += [one.name for one in fills]
    for one in fills:
        arguments += [one.permit, one.value, b"%d" % one.life_ms]
    return tuple(arguments)
