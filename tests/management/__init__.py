"""Commands, from inside by `call_command` and from outside as processes."""
