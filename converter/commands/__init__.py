"""One module per command of the `tinyml` tool; each defines COMMAND."""
