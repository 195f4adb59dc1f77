"""Events in; detectors, links, workflows and conditions decide; actions out, once and on time.

This package holds names only. Start reading at README.md beside this file.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
