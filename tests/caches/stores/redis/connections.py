"""A connection of redis-py that fails where a test wants it to."""

from typing import Any

from redis.connection import Connection


class Interrupted(Connection):
    """Raises `raises` after sending, before the reply is read; `raises` is then forgotten."""

    raises: type[BaseException] | None = None

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        if Interrupted.raises is not None:
            raises, Interrupted.raises = Interrupted.raises, None
            raise raises
        return super().read_response(*args, **kwargs)
