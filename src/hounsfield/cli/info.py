"""`hounsfield info`: print the versions for a bug report."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from hounsfield.cli.terminal import Terminal
from hounsfield.core.platform import thread_count
from hounsfield.core.version import VERSION

LIBRARIES = (
    "numpy",
    "scipy",
    "pydicom",
    "imagecodecs",
    "nibabel",
    "pynrrd",
    "isal",
    "pillow",
    "typer",
    "rich",
    "tomli-w",
)
EXTRAS = {"SimpleITK": "sitk", "highdicom": "seg"}
"""Optional libraries and the extra that installs each."""


def info(terminal: Terminal) -> None:
    """Print versions, threads and the path of the key of case ids, for a bug report."""
    from hounsfield.io.bytes.case_id import key_path

    libraries = {name: _version(name) for name in LIBRARIES}
    extras = {name: _version(name) for name in EXTRAS}
    key = key_path()
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "version": VERSION,
                "python": platform.python_version(),
                "platform": platform.platform(),
                "threads": thread_count(),
                "libraries": libraries,
                "extras": extras,
                "key": {"is_made": key.exists()},
            }
        )
        return
    rows = [
        ("hounsfield", VERSION),
        ("python", f"{platform.python_version()} ({sys.executable})"),
        ("platform", platform.platform()),
        ("threads", str(thread_count())),
        ("key of case ids", f"{key}" + ("" if key.exists() else " (created when first needed)")),
    ]
    rows += [(name, found or "missing") for name, found in libraries.items()]
    rows += [
        (name, found or f"not installed (pip install 'hounsfield[{EXTRAS[name]}]')")
        for name, found in extras.items()
    ]
    width = max(len(name) for name, _ in rows)
    terminal.text("\n".join(f"{name:{width}}  {value}" for name, value in rows))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
