"""manyseeds: turns a README's accuracy claims into evidence over many seeds."""

import logging

__version__ = "0.1.0"

# Without a home that can be written it keeps its fonts in TMPDIR, and each process would say so.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
