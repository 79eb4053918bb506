"""`hounsfield histogram`: draw the histogram of a scan."""

from __future__ import annotations

from hounsfield.cli.errors import about
from hounsfield.cli.options import Reading, read_volume
from hounsfield.cli.picture import Showing, Src, save
from hounsfield.cli.terminal import Terminal


def histogram(terminal: Terminal, reading: Reading, showing: Showing, src: Src) -> None:
    """Draw how often each value occurs, with the window, as PNG."""
    from hounsfield.picture.histogram import histogram as draw

    showing.check()
    volume = read_volume(terminal, src, reading=reading, quantity=showing.quantity)
    with about(src):
        picture = draw(volume, window=showing.window_like)
    save(terminal, picture, showing.out, read=(volume,))
