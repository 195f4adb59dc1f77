"""Charts: figures over time as inline SVG, with the same numbers in a table under it.

Pure: values in, markup out. What is not known here: what a figure means, where it is read,
and any colour; these are classes that the style sheet paints with variables of the admin.
"""

from workflow_engine.admin.charts.chart import Chart, Kind, Mark, Series
from workflow_engine.admin.charts.drawing import draw

__all__ = ["Chart", "Kind", "Mark", "Series", "draw"]
