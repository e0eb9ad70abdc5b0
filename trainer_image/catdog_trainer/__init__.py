"""The trainer: from labelled photos to a published version of a model."""
