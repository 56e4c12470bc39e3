"""Operators on int16 activations with int8 weights ("16x8"): one file per operator, see tinyml.op_types."""
