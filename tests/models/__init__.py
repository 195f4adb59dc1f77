"""Tests of the tables, on the database itself."""
