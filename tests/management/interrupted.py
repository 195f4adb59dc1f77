"""A project whose settings are interrupted while they are read, as by Ctrl-C."""

raise KeyboardInterrupt
