"""One module per command; their names are global, so each begins with `workflow_`."""
