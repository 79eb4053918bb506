"""The audit finds a token in every format and encoding in which an output could have it."""

from __future__ import annotations

import io
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.dataset.audit.audit import Audit, search_outputs
from hounsfield.dataset.audit.search import Searcher
from hounsfield.dataset.audit.source_tokens import Sources, read_sources
from hounsfield.dataset.audit.token import Kind, Tokens
from tests.dataset.audit.hidden import HIDDEN


def audited(folder: Path, *tokens: tuple[Kind, str]) -> Audit:
    """Search a folder for tokens."""
    found = Sources()
    for kind, text in tokens:
        found.tokens.add(kind, "Attribute", text)
    return search_outputs(folder, found)


@pytest.mark.parametrize("way", HIDDEN)
def test_a_token_is_found_wherever_it_is_hidden(way: str, tmp_path: Path) -> None:
    tokens: dict[Kind, str] = {"id": "WQK007", "text": "Aareschlucht", "uid": "1.2.276.99.2018074"}
    for kind, hidden in (*tokens.items(), (None, "WQK008")):
        folder = tmp_path / str(kind)
        folder.mkdir()
        HIDDEN[way](folder, hidden)
        found = audited(folder, *tokens.items()).findings
        assert {each.kind for each in found} == {kind} - {None}
        assert all(hidden.lower() not in str(each.to_json()).lower() for each in found)


def found_in(text: str, *tokens: tuple[Kind, str]) -> set[str]:
    """The kinds of the tokens that are found in a text."""
    made = Tokens()
    for kind, value in tokens:
        made.add(kind, "x", value)
    return {hit.kind for hit in Searcher(made).hits(text.encode(), "text")}


NAME = ("name", "Zykowska^Olimpia Ng=山田^太郎")


@pytest.mark.parametrize(
    "text",
    [
        "Zykowska^Olimpia",
        "olimpia ZYKOWSKA",
        "scan_zykowska_2",
        "OlimpiaZykowska",
        "caseOlimpia",
        "Ng, Zykowska",
        "ng_olimpia",
        "Olimpia.Ng",
        "xaverbrandt",
        "brandtxaver",
        "/home/xbrandt",
        "山田太郎",
        "山田 様",
    ],
)
def test_a_name_is_found_in_any_order_and_case(text: str) -> None:
    assert found_in(f"a {text} b", NAME, ("name", "Brandt^Xaver")) == {"name"}


@pytest.mark.parametrize("text", ["Müller", "MÜLLER", "mueller", "Muller", "muller-jo"])
def test_a_name_is_found_with_and_without_its_accents(text: str) -> None:
    assert found_in(f"a {text} b", ("name", "Müller^Jö")) == {"name"}
    raw = Tokens()
    raw.add("name", "x", "Müller")
    assert list(Searcher(raw).hits("a MÜLLER".encode("latin-1"), "text"))


@pytest.mark.parametrize(
    "text", ["ng", "angle zy", "string", "morgan lee", "sampling", "leech", "the head of a man"]
)
def test_a_part_of_a_word_is_no_name(text: str) -> None:
    assert found_in(f"a {text} b", NAME, ("name", "Head^Lee"), ("name", "Morg")) == set()


DATES = """20180704 2018-07-04 04.07.2018 4.7.2018 07/04/2018 7/4/2018 04/07/18 2018:07:04 04072018
    20180704101530 2018-07-04T10:15:30 x20180704 1.2.3.20180704.5 4-Jul-2018 04Jul2018
    2018/07/04 18-07-04"""
LONG_DATES = ("Jul 4 2018", "July 4, 2018", "4 July 2018", "4. Juli 2018", "4 juillet 2018")


@pytest.mark.parametrize("text", [*DATES.split(), *LONG_DATES])
def test_a_date_is_found_in_any_format(text: str) -> None:
    assert found_in(f"a {text} b", ("date", "20180704")) == {"date"}


@pytest.mark.parametrize(
    "text", ["0.20180704", "120180704", "201807041", "2018-07-05", "7.4.20181"]
)
def test_a_number_is_no_date(text: str) -> None:
    assert found_in(f"a {text} b", ("date", "20180704")) == set()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ('"patient_id": 123456,', {"id"}),
        ('"PatientID": "123456"', {"id"}),
        ("case-123456", {"id"}),
        ("000123456", {"id"}),
        ('"voxels": 123456,', set()),
        ("[1.5, 123456, 3]", set()),
        ("123456 voxels", set()),
        ("0.123456", set()),
        ("1123456", set()),
    ],
)
def test_a_number_is_an_id_where_it_is_no_count(text: str, kinds: set[str]) -> None:
    assert found_in(text, ("id", "00123456" if text.startswith("000") else "123456")) == kinds


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ('"PatientWeight": 83.75', {"measure"}),
        ("weighs 83,75 kg", {"measure"}),
        ("[83.75, 1.0, 0.5]", set()),
        ("weight: -83.75", set()),
    ],
)
def test_a_weight_is_found_where_it_is_named(text: str, kinds: set[str]) -> None:
    assert found_in(text, ("measure", "83.75")) == kinds


def test_an_unkeyed_digest_of_an_id_is_found() -> None:
    import hashlib

    digest = hashlib.sha256(b"WQK007").hexdigest()
    assert found_in(f'"case": "c-{digest[:12]}"', ("id", "WQK007")) == {"digest"}
    assert found_in(f'"case": "{digest}"', ("uid", "1.2.276.99.1")) == set()


WORDS = ["HEAD", "CT head", "Liver", "axial 5.0", "1", "", "ORIGINAL", "SOFT TISSUE"]


@pytest.mark.parametrize("word", WORDS)
def test_words_of_the_field_are_no_tokens(word: str) -> None:
    made = Tokens()
    for kind in ("text", "id", "path", "label"):
        made.add(kind, "x", word)  # type: ignore[arg-type]
    assert list(made) == []


def test_a_technical_value_is_no_token_as_a_free_text() -> None:
    made = Tokens()
    made.add_technical("B30f KVORP9")
    made.add("text", "private", "B30f KVORP9")
    made.add("name", "PatientName", "B30f KVORP9")
    assert {token.kind for token in made if token.text == "B30f KVORP9"} == set()
    assert any(token.kind == "id" for token in made)


@given(
    text=st.text("abcdefgh0123456789", min_size=8, max_size=40).filter(
        lambda text: not text.isdecimal() and not text.isalpha()
    ),
    cut=st.integers(0, 90_000),
)
def test_a_token_is_found_at_every_offset_of_a_large_file(text: str, cut: int) -> None:
    from hounsfield.dataset.audit import piece

    made = Tokens()
    made.add("id", "x", text)
    searcher = Searcher(made)
    data = b"\xfe" * cut + text.encode() + b"\xfe" * 300
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(piece, "CHUNK_BYTES", 10_007)
        hits = [
            part.offset + hit.start
            for part in piece.cut(io.BytesIO(data), "", ("bytes", 0, None))
            for hit in searcher.hits(part.data, part.content)
            if hit.stop > part.repeated and hit.kind == "id"
        ]
    assert set(hits) == {cut}


def test_voxels_are_searched_for_long_tokens_alone(tmp_path: Path) -> None:
    long, short = "1.2.276.0.99.1", "WQK007"
    text = np.frombuffer(f"{long} {short}".ljust(120).encode(), np.uint8).reshape(
        4, 5, 6, order="F"
    )
    volume = hu.Volume.from_array(text, affine=np.eye(4), quantity="other")
    for name in ("a.nii.gz", "a.nrrd", "a.npy"):
        hu.write(volume, tmp_path / name)
    found = audited(tmp_path, ("uid", long), ("id", short)).findings
    assert {(each.file, each.kind) for each in found} >= {("a.nii.gz", "uid"), ("a.npy", "uid")}
    assert {each.kind for each in found} == {"uid"}


def test_random_data_has_no_token(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "noise.bin").write_bytes(rng.bytes(2 << 20))
    names = ["".join(chr(97 + k) for k in rng.integers(0, 26, 6)) for _ in range(1000)]
    made = audited(tmp_path, *(("name", name) for name in names))
    assert made.tokens["name"] > 990
    assert made.findings == ()


MUTANTS = 200
"""Broken files in a run of the suite; 11,000 were tried when this was written."""


def test_a_broken_output_or_source_ends_no_audit(tmp_path: Path) -> None:
    chosen = random.Random(0)
    files = []
    for number, hide in enumerate(HIDDEN.values()):
        (folder := tmp_path / str(number)).mkdir()
        hide(folder, "WQK007")
        files += [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    for _ in range(MUTANTS):
        path = chosen.choice(files)
        data = bytearray(path.read_bytes())
        for _ in range(chosen.randint(1, 12)):
            if data:
                data[chosen.randrange(len(data))] = chosen.choice([0, 255, chosen.randrange(256)])
        broken = tmp_path / "broken"
        shutil.rmtree(broken, ignore_errors=True)
        broken.mkdir()
        cut = len(data) if chosen.random() < 0.8 else chosen.randrange(len(data) + 1)
        (broken / path.name).write_bytes(bytes(data[:cut]))
        audited(broken, ("id", "WQK007"))
        read_sources([str(broken)], out=tmp_path / "none")
