"""Mutants: the cache without one of its guards, and the promise that is broken then."""
