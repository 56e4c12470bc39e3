"""Timing models, one file per core, named as in the boards' files with underscores; `load_core` finds them."""
