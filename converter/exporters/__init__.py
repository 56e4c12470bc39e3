"""Graphs to model files: the counterpart of `tinyml.importers`, with which it shares no code."""
