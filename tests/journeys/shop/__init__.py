"""A project's own app, as the workers of these tests have it: one task."""
