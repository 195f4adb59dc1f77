"""Known: whether nothing counted in a window means that there was nothing."""

from __future__ import annotations

from workflow_engine.metrics.sources import Sources
from workflow_engine.metrics.windows import Window


def is_known(sources: Sources, window: Window) -> bool:
    """Whether any process wrote figures in the window, so that no figure means none.

    One that wrote in the last hour, and has not ended, writes only when it has something to
    write: of it nothing newer is known because there was nothing.
    """
    if sources.flushed_at is None:
        return False
    return sources.living > 0 or sources.flushed_at >= window.since
