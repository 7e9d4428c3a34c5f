"""manyseeds: turns a README's accuracy claims into evidence over many seeds."""

__version__ = "0.1.0"
