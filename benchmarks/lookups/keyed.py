"""Keyed: the peers that keep one value per detector and environment, under a key.

A value is either the model instances of the answer, with what was prefetched held in lists
(a prefetched QuerySet would be pickled with its query), or plain tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from django.core.cache import caches

from benchmarks.lookups.answers import Answer, Ask, plain
from benchmarks.lookups.database import ask_orm
from benchmarks.lookups.settings import DOGPILE_URL, LIFE_SECONDS


def _key(detector_id: int, environment: str) -> str:
    return f"workflows:{detector_id}:{environment}"


def ask_models(detector_ids: Sequence[int], environment: str) -> dict[int, set[Any]]:
    """Return the sets of model instances that are kept."""
    found = ask_orm(detector_ids, environment)
    return {key: set(workflows) for key, workflows in found.items()}


def ask_tuples(detector_ids: Sequence[int], environment: str) -> Answer:
    """Return the tuples that are kept."""
    found = ask_orm(detector_ids, environment)
    return {key: tuple(map(plain, workflows)) for key, workflows in found.items()}


def get_many(alias: str, load: Callable[[Sequence[int], str], Answer]) -> Ask:
    """Return what asks a cache of Django for all keys at once."""
    cache = caches[alias]

    def ask(detector_ids: Sequence[int], environment: str) -> Answer:
        keys = {_key(one, environment): one for one in detector_ids}
        kept = cache.get_many(keys)
        found = {keys[key]: value for key, value in kept.items()}
        missing = [one for one in detector_ids if one not in found]
        if missing:
            loaded = load(missing, environment)
            cache.set_many(
                {_key(one, environment): value for one, value in loaded.items()}
            )
            found.update(loaded)
        return found

    return ask


def get_loop(alias: str, load: Callable[[Sequence[int], str], Answer]) -> Ask:
    """Return what asks a cache of Django for one key after the other."""
    cache = caches[alias]

    def ask(detector_ids: Sequence[int], environment: str) -> Answer:
        found = {}
        for one in detector_ids:
            key = _key(one, environment)
            value = cache.get(key)
            if value is None:
                value = load([one], environment)[one]
                cache.set(key, value)
            found[one] = value
        return found

    return ask


def dogpile() -> Ask:
    """Return what asks a region of dogpile.cache on Redis for tuples, all keys at once."""
    region = import_module("dogpile.cache").make_region()
    region.configure(
        "dogpile.cache.redis",
        expiration_time=LIFE_SECONDS,
        arguments={
            "url": DOGPILE_URL,
            # Its documentation: longer than expiration_time.
            "redis_expiration_time": LIFE_SECONDS * 2,
            "distributed_lock": True,
            "thread_local_lock": False,
        },
    )

    def ask(detector_ids: Sequence[int], environment: str) -> Answer:
        def create(*keys: str) -> list[Any]:
            missing = [int(key.split(":")[1]) for key in keys]
            loaded = ask_tuples(missing, environment)
            return [loaded[one] for one in missing]

        keys = [_key(one, environment) for one in detector_ids]
        return dict(
            zip(detector_ids, region.get_or_create_multi(keys, create), strict=True)
        )

    return ask
