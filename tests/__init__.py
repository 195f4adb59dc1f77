"""Tests of the package, in the shape of the package; they know of no server set up by hand."""
