"""Builds the objects that a model needs, one file a kind: pure functions that know nothing of applying."""
