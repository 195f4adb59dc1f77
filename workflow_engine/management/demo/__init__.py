"""The demo: a small set of rules, the events it judges, and what it tells of them."""
