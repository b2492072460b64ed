"""Run the demo, an audit with its page, and what follows it, where there is no network.

    unshare --map-root-user --net python tools/offline_test.py

Needs gan_isi with the extra "report", and a network namespace without interfaces: anything that
asked for a network there would fail. Where there is one, this refuses to run, as it would show
nothing.
"""

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from dist_test import FOLDERS, SETS

#: An address of documentation (RFC 5737), which no machine has, and this machine itself.
ADDRESSES = (("192.0.2.1", 9), ("127.0.0.1", 9))
QUICK = ("--folds", "2", "--permutations", "19")
COMMANDS = (
    ("demo", "--output", "demo"),
    ("audit", *SETS, *QUICK, "--controls", "--report", "audit.html", "--json", "audit.json"),
    ("verify", "audit.json"),
    ("withhold", *SETS, *QUICK, "--out", "withhold.csv", "--json", "withhold.json"),
    ("verify", "withhold.json", "--inputs-only"),
)
PAGES = ("demo/demo.html", "audit.html")


def main():
    for address in ADDRESSES:
        if can_be_tried(address):
            raise SystemExit(f"There is a network: {address[0]} could be tried.")
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-c", FOLDERS, cwd=folder)
        for command in COMMANDS:
            run(sys.executable, "-m", "gan_isi", *command, cwd=folder)
        pages = [Path(folder, name).read_text(encoding="utf-8") for name in PAGES]
    if any("http://" in page or "https://" in page for page in pages):
        raise SystemExit("A page names addresses of the network.")
    print("All of it runs without a network.")


def can_be_tried(address):
    """Return whether a packet could be sent; without interfaces there is no way anywhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        try:
            tried.connect(address)
        except OSError:
            return False
    return True


def run(*command, cwd):
    print("$", *command, flush=True)
    done = subprocess.run(list(map(str, command)), cwd=cwd)
    if done.returncode:
        raise SystemExit(f"It failed with exit code {done.returncode}.")


if __name__ == "__main__":
    main()
