"""One file = one kernel variant; see tinyml.variants."""
