"""The command line: ``gan-isi audit``, ``predict`` and ``submit``, thin over the library."""

from ._main import main

__all__ = ["main"]
