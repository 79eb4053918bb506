"""Search every output for every identifying value of the sources."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hounsfield.core.errors import missing_file, unreadable
from hounsfield.dataset.audit.contents import BROKEN, COMPRESSED, pieces
from hounsfield.dataset.audit.piece import Piece
from hounsfield.dataset.audit.search import Searcher
from hounsfield.dataset.audit.source_tokens import Sources, read_sources
from hounsfield.dataset.audit.token import KINDS, Kind
from hounsfield.dataset.audit.views import EMBEDDED_FILE, decoded
from hounsfield.dataset.output_folder import check_sources

NOTED: frozenset[Kind] = frozenset({"file-digest"})
"""Kinds that are reported but are no failure: who has the file gains nothing from its digest."""

MOST_DECODINGS = 3
"""Encodings within each other, such as base64 in JSON in a percent-encoded value."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A kind of token of one attribute in one output; `value` is for the terminal alone.

    `file` is relative to the output folder, with what identifies replaced by '***'; `where` says
    what the token is inside of, `offset` is that of its first occurrence there.
    """

    kind: Kind
    attribute: str
    file: str
    ordinal: int
    where: str
    offset: int
    count: int
    is_note: bool = False
    value: str = field(default="", repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain data, without the value."""
        names = ("kind", "attribute", "file", "ordinal", "where", "offset", "count")
        return {**{name: getattr(self, name) for name in names}, "note": self.is_note}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was searched for, in what, and what was found."""

    findings: tuple[Finding, ...]
    tokens: dict[Kind, int]
    common: dict[tuple[Kind, str], int]
    """Values that were too short or too common to search, by kind and attribute."""
    source_files: int
    unread_sources: int
    files: int
    unread_files: int

    @property
    def is_clean(self) -> bool:
        """Whether all files were searched and nothing but notes was found."""
        return not self.unread_files and all(each.is_note for each in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the audit as plain data, without a value or path of the sources."""
        common = [
            {"kind": kind, "attribute": attribute, "count": count}
            for (kind, attribute), count in sorted(self.common.items())
        ]
        names = ("tokens", "source_files", "unread_sources", "files", "unread_files")
        counts = {name: getattr(self, name) for name in names}
        findings = [each.to_json() for each in self.findings]
        return {
            "schema": 1,
            "clean": self.is_clean,
            **counts,
            "common": common,
            "findings": findings,
        }


def audit(
    out: Path,
    sources: Sequence[str],
    *,
    allow: Sequence[Kind] = (),
    digests: bool = False,
    progress: Progress | None = None,
) -> Audit:
    """Search all files at `out` for the identifying values of the sources.

    Findings of the kinds in `allow` are notes. `digests` also searches for the sha256 of each
    source file. Raises MissingFileError if a path does not exist, ReadError if there is no token,
    PipelineError if the output folder is a source.
    """
    check_sources(sources, out)
    if not os.path.exists(out):
        raise missing_file(out)
    found = read_sources(sources, out=out, digests=digests, progress=progress)
    if not found.tokens.found:
        message = "no identifying value in the sources; expected the inputs of the outputs"
        raise unreadable(" ".join(sources), message)
    return search_outputs(out, found, allow=allow, progress=progress)


def search_outputs(
    out: Path, found: Sources, *, allow: Sequence[Kind] = (), progress: Progress | None = None
) -> Audit:
    """Search all files at `out` for tokens that were read before."""
    tokens, paths = list(found.tokens), list(_outputs(out))
    search = Search(frozenset(allow) | NOTED)
    waiting = iter(tokens)
    while searcher := Searcher(waiting):
        for ordinal, path in enumerate(paths):
            if progress is not None:
                progress(ordinal, len(paths))
            search.file(path, searcher, out=out, ordinal=ordinal)
    counts = Counter(token.kind for token in tokens)
    return Audit(
        findings=tuple(search.findings(paths, out)),
        tokens={kind: counts[kind] for kind in KINDS if counts[kind]},
        common=dict(found.tokens.skipped),
        source_files=found.files,
        unread_sources=found.unread,
        files=len(paths),
        unread_files=len(search.unread),
    )


def _outputs(out: Path) -> Iterator[Path]:
    """Yield every file, folder and link at a path; links are not followed."""
    if not out.is_dir():
        yield out
        return
    for where, folders, files in os.walk(out):
        folders.sort()
        yield from (Path(where, name) for name in sorted([*folders, *files]))


@dataclass(slots=True)
class First:
    """The first occurrence of tokens of one attribute in one place, and how many there are."""

    offset: int
    value: str = field(repr=False)
    count: int = 0


Hits = dict[tuple[Kind, str, str], First]


@dataclass(slots=True)
class Search:
    """What was found so far, by the ordinals of files."""

    noted: frozenset[Kind]
    hits: dict[int, Hits] = field(default_factory=dict)
    unread: set[int] = field(default_factory=set)
    _names: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """Where the names of files identify."""

    def file(self, path: Path, searcher: Searcher, *, out: Path, ordinal: int) -> None:
        """Search a file or folder: its name, attributes, target and content."""
        hits: Hits = {}
        name = _relative(path, out)
        self._names.setdefault(ordinal, []).extend(
            (hit.start, hit.stop) for hit in searcher.hits(name, "name")
        )
        try:
            for piece in _all_of(path, name):
                _search(searcher, piece, hits, level=0)
        except BROKEN:
            self.unread.add(ordinal)
        for key, first in hits.items():
            known = self.hits.setdefault(ordinal, {}).setdefault(key, first)
            known.count += first.count if known is not first else 0

    def findings(self, paths: Sequence[Path], out: Path) -> Iterator[Finding]:
        """Yield the findings in order of files."""
        for ordinal in sorted(self.hits):
            name = _masked(_relative(paths[ordinal], out), self._names[ordinal])
            for (kind, attribute, where), first in self.hits[ordinal].items():
                yield Finding(
                    kind=kind,
                    attribute=attribute,
                    file=name,
                    ordinal=ordinal,
                    where=where,
                    offset=first.offset,
                    count=first.count,
                    is_note=kind in self.noted,
                    value=first.value,
                )


def _search(searcher: Searcher, piece: Piece, hits: Hits, *, level: int) -> None:
    """Search a piece, and what is encoded in it."""
    for hit in searcher.hits(piece.data, piece.content):
        if hit.stop > piece.repeated:
            key = (hit.kind, hit.token.attribute, piece.where or "content")
            first = hits.setdefault(key, First(piece.offset + hit.start, hit.token.text))
            first.count += 1
    if piece.content != "voxels" and level < MOST_DECODINGS:
        for inner in _views(piece):
            _search(searcher, inner, hits, level=level + 1)


def _relative(path: Path, out: Path) -> bytes:
    name = path.name if path == out else path.relative_to(out).as_posix()
    return name.encode("utf-8", "surrogateescape")


def _masked(name: bytes, spans: Sequence[tuple[int, int]]) -> str:
    """Replace what identifies in the name of a file."""
    for start, stop in spans:
        name = name[:start] + b"*" * (stop - start) + name[stop:]
    return name.decode("utf-8", "replace")


def _views(piece: Piece) -> Iterator[Piece]:
    """Yield what is encoded in a piece; long decoded data is searched as a file."""
    for name, blobs in decoded(piece.data):
        where = f"{piece.where} > {name}" if piece.where else name
        for blob in blobs:
            if len(blob) >= EMBEDDED_FILE or blob.startswith(COMPRESSED):
                yield from pieces(io.BytesIO(blob), where=where)
        text = b"\n".join(blobs)
        if text:
            content = "bytes" if name in ("base64", "hex") else piece.content
            yield Piece(where, content, text, piece.offset)


def _all_of(path: Path, name: bytes) -> Iterator[Piece]:
    yield Piece("name", "name", name)
    if path.is_symlink():
        yield Piece("link", "text", os.fsencode(os.readlink(path)))
        return
    for key in _attributes(path):
        text = os.fsencode(key) + b"\n" + os.getxattr(path, key)
        yield Piece("extended attribute", "text", text)
    if path.is_file():
        with path.open("rb") as file:
            yield from pieces(file, path=path)


def _attributes(path: Path) -> list[str]:
    """Return the names of the extended attributes of a file, where the system has them."""
    try:
        return os.listxattr(path)
    except (OSError, AttributeError):
        return []
