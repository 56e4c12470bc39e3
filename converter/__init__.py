"""tinyml: neural networks for microcontrollers, planned, generated and proved."""

__version__ = "0.1.0"
