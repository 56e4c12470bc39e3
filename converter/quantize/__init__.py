"""Post-training quantisation: a float network and a few samples in, a quantised network out. See docs/quantize.md."""
