"""The command line: ``gan-isi audit``, ``predict`` and ``submit``, thin over the library."""

from .app import main

__all__ = ["main"]
