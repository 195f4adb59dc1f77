"""The process that writes figures in each way, and its project."""
