"""Say whether this interpreter has the packages of requirements.txt, at the pinned versions.

Exits with 0 and prints nothing, or exits with 1 and prints one line that names every package that
is absent or at another version. Imports nothing heavy.
"""

import importlib.metadata
import sys
from pathlib import Path


def complaint(requirement):
    """What is wrong with one `name==version` line, or None."""
    name, wanted = requirement.split("==")
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return f"{name} {wanted} is not installed"
    # A build tag (`2.15.0+cpu`) names a wheel of the same release.
    return None if found.split("+")[0] == wanted else f"{name} is {found}, not {wanted}"


def main():
    lines = Path(__file__).with_name("requirements.txt").read_text().split()
    complaints = [text for text in map(complaint, lines) if text]
    if complaints:
        sys.exit("; ".join(complaints))


main()
