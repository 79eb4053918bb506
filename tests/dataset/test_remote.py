"""Sources and outputs at URLs: a real S3 API server and a web server on loopback."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.__main__ import main
from hounsfield.core.errors import HounsfieldWarning, PipelineError, ReadError, WriteError
from hounsfield.dataset.discover import discover
from hounsfield.dataset.remote_output import LOCK, RemoteOutput
from hounsfield.testing.engines import contents

from .series import part, small_head

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: the extra 'remote'")
moto = pytest.importorskip("moto.server", reason="moto is not installed: the extra 'test'")

SECRET = "secret-of-the-test"

_numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """An S3 API server; its address and keys are in the environment, as users set them."""
    with pytest.MonkeyPatch.context() as patch:
        started = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        started.start()
        host, port = started.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        yield
        started.stop()
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(server: None) -> str:
    name = f"bucket{next(_numbers)}"
    s3fs.S3FileSystem().mkdir(name)
    return name


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with a DICOM series, a NIfTI, a detached NRRD and an npy with its sidecar."""
    folder = tmp_path / "scans"
    part(small_head(), folder / "dicom", SeriesNumber=1)
    values = np.random.default_rng(0).integers(-1000, 1500, (14, 12, 8)).astype(np.int16)
    ct = hu.Volume.from_array(values, affine=np.diag([-1.5, -1.25, 3.0, 1.0]))
    hu.write(ct, folder / "one.nii.gz")
    hu.write(ct, folder / "two.npy")
    (folder / "notes.txt").write_text("nothing")
    return folder


def put(folder: Path, bucket: str) -> str:
    s3fs.S3FileSystem().put(str(folder), f"{bucket}/scans", recursive=True)
    return f"s3://{bucket}/scans"


def fetched(bucket: str, name: str, target: Path) -> Path:
    s3fs.S3FileSystem().get(f"{bucket}/{name}", str(target), recursive=True)
    return target


def run(source: str | Path, out: str | Path, **options: Any) -> hu.Summary:
    return hu.run("isotropic-mip", str(source), str(out), **{"workers": 1, **options})


@pytest.mark.parametrize("workers", [1, 2])
def test_s3_in_and_out_gives_the_bytes_of_files(
    scans: Path, bucket: str, tmp_path: Path, workers: int
) -> None:
    local = run(scans, tmp_path / "local")
    url = put(scans, bucket)
    remote = run(url, f"s3://{bucket}/out", workers=workers)
    assert remote.counts == local.counts
    assert local.counts["done"] == 3
    found = fetched(bucket, "out", tmp_path / "fetched")
    assert contents(found) == contents(tmp_path / "local")
    assert (found / "pipeline.toml").read_bytes() == (
        tmp_path / "local" / "pipeline.toml"
    ).read_bytes()
    assert not (found / LOCK).exists()


def test_only_headers_are_read_to_find_the_cases(
    scans: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = put(scans, bucket)
    read: list[int] = []
    original = s3fs.S3FileSystem._cat_file

    async def counted(self: Any, path: str, *args: Any, **kwargs: Any) -> bytes:
        data: bytes = await original(self, path, *args, **kwargs)
        read.append(len(data))
        return data

    monkeypatch.setattr(s3fs.S3FileSystem, "_cat_file", counted)
    found = discover([url])
    assert [case.id[:2] for case in found.cases] == ["c-", "on", "tw"]
    sizes = sum(path.stat().st_size for path in (scans / "dicom").iterdir())
    assert sum(read) <= 6 * 8192 + 8192
    assert sum(read) <= sizes + len("nothing")


def test_the_same_run_again_copies_nothing(
    scans: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = put(scans, bucket)
    run(url, f"s3://{bucket}/out")
    monkeypatch.setattr(
        "hounsfield.dataset.remote_cases.download", lambda *_: pytest.fail("a scan was copied")
    )
    again = run(url, f"s3://{bucket}/out")
    assert again.counts["skipped"] == 3


def test_a_damaged_or_changed_case_is_run_again(scans: Path, bucket: str) -> None:
    url, system = put(scans, bucket), s3fs.S3FileSystem()
    out = f"s3://{bucket}/out"
    run(url, out)
    system.rm_file(f"{bucket}/out/cases/one/image.nii.gz")
    changed = hu.Volume.from_array(np.zeros((9, 9, 9), np.int16), affine=np.eye(4))
    hu.write(changed, scans / "two.npy")
    put(scans / "two.npy", bucket)
    system.put_file(str(scans / "two.npy"), f"{bucket}/scans/two.npy")
    system.put_file(str(scans / "two.json"), f"{bucket}/scans/two.json")
    again = {case.id: case.status for case in run(url, out).cases}
    assert sorted(again.values()) == ["done", "done", "skipped"]
    assert again["one"] == again["two"] == "done"


def test_another_machine_resumes_the_run(
    scans: Path, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = put(scans, bucket)
    run(url, f"s3://{bucket}/out")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    assert run(url, f"s3://{bucket}/out").counts["skipped"] == 3


def test_two_runs_lock_each_other_out_and_a_dead_lock_is_taken_over(
    scans: Path, bucket: str
) -> None:
    url, out = put(scans, bucket), f"s3://{bucket}/out"
    lock = {"token": "x", "host": "elsewhere", "pid": 1, "time": 4e9}
    RemoteOutput(out).put(LOCK, json.dumps(lock).encode())
    with pytest.raises(WriteError, match="another run writes to the output URL"):
        run(url, out)
    RemoteOutput(out).put(LOCK, json.dumps({**lock, "time": 0}).encode())
    assert run(url, out).counts["done"] == 3


def test_a_case_that_fails_leaves_nothing_at_the_url(scans: Path, bucket: str) -> None:
    url, out, system = put(scans, bucket), f"s3://{bucket}/out", s3fs.S3FileSystem()
    run(url, out)
    system.pipe_file(f"{bucket}/scans/one.nii.gz", b"broken")
    with pytest.warns(HounsfieldWarning):
        summary = run(url, out)
    assert summary.counts["failed"] == 1
    assert RemoteOutput(out).case_ids() == {case.id for case in summary.cases} - {"one"}


def test_an_error_names_no_secret(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setattr(
        "fsspec.config.conf", {"s3": {"config_kwargs": {"retries": {"max_attempts": 0}}}}
    )
    with pytest.raises(ReadError) as caught:
        run(f"s3://{bucket}/scans", "unused")
    s3fs.S3FileSystem.clear_instance_cache()
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def test_an_address_of_the_web_is_a_source(scans: Path, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(scans)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/one.nii.gz"
        assert run(url, tmp_path / "web").counts["done"] == 1
    finally:
        server.shutdown()
        server.server_close()
    run(scans / "one.nii.gz", tmp_path / "local")
    assert contents(tmp_path / "web") == contents(tmp_path / "local")


def test_the_cells_of_a_table_are_urls(scans: Path, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    label = hu.Volume.from_array(
        np.ones(hu.read(scans / "one.nii.gz").array.shape, np.uint8),
        affine=hu.read(scans / "one.nii.gz").affine,
        quantity="label",
    )
    (tmp_path / "web").mkdir()
    hu.write(label, tmp_path / "web" / "label.nii.gz")
    shutil.copy(scans / "one.nii.gz", tmp_path / "web")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    (tmp_path / "c.csv").write_text(
        f"image,label_all,id\n{base}/one.nii.gz,{base}/label.nii.gz,a\n"
        f"web/one.nii.gz,{base}/none.nii.gz,b\nweb/one.nii.gz,web/label.nii.gz,c\n"
    )
    try:
        with pytest.warns(HounsfieldWarning, match="line 3"):
            summary = run(tmp_path / "c.csv", tmp_path / "out")
    finally:
        server.shutdown()
        server.server_close()
    assert (summary.counts["done"], summary.counts["missed"]) == (2, 1)
    made = [tmp_path / "out" / "cases" / case / "label-all.nii.gz" for case in "ac"]
    assert made[0].read_bytes() == made[1].read_bytes()


def test_no_copy_is_left(
    scans: Path, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = tmp_path / "staging"
    staging.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(staging))
    run(put(scans, bucket), f"s3://{bucket}/out")
    assert os.listdir(staging) == []


def test_a_missing_bucket_is_refused_and_never_created(
    scans: Path, server: None, tmp_path: Path
) -> None:
    for out in ("s3://no-such-bucket/out", "s3:///no-such-bucket"):
        with pytest.raises(WriteError, match="no such bucket"):
            run(scans / "one.nii.gz", out)
    system = s3fs.S3FileSystem()
    system.invalidate_cache()
    assert "no-such-bucket" not in system.ls("")


def test_file_urls_are_files(scans: Path, tmp_path: Path) -> None:
    run(scans, tmp_path / "plain")
    assert run(f"file://{scans}", f"file://{tmp_path}/out").counts["done"] == 3
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")


def test_secrets_in_a_url_are_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = "http://me:word@127.0.0.1:9/ct.nii.gz?token=key"
    with pytest.raises(ReadError) as caught:
        run(url, tmp_path / "out")
    assert main(["run", "isotropic-mip", url, "-o", str(tmp_path / "out")]) == 3
    shown = str(caught.value) + capfd.readouterr().err
    assert "127.0.0.1:9/ct.nii.gz" in shown
    assert not any(secret in shown for secret in ("word", "token", "key"))


def test_what_reads_no_url_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    url = "s3://bucket/ct.nii.gz"
    for function in (hu.open, hu.read, hu.inspect):
        with pytest.raises(ReadError, match="URLs are read by run"):
            function(url)
    for verb in (["inspect", url], ["verify", url], ["diff", url, url], ["compare", url, url]):
        assert main(verb) == 3
        assert capfd.readouterr().err.count("URLs are read by run") == 1
    hu.write(hu.Volume.from_array(np.zeros((4, 4, 4)), affine=np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(PipelineError, match="a label file is at a URL"):
        run(tmp_path / "a.nii.gz", tmp_path / "out", labels=url)


def test_images_of_a_table_may_be_at_urls(scans: Path, bucket: str, tmp_path: Path) -> None:
    url, table = put(scans, bucket), tmp_path / "table.csv"
    table.write_text(f"image,id,label\n{url}/one.nii.gz,a,\n{url}/dicom,b,\n")
    assert {case.id for case in run(table, tmp_path / "out").cases} == {"a", "b"}
    table.write_text(f"image,points\n{url}/one.nii.gz,{url}/points.csv\n")
    with pytest.raises(ReadError, match="points is a URL"):
        run(table, tmp_path / "out")


def test_status_of_an_output_at_a_url(
    scans: Path, bucket: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run(scans / "one.nii.gz", f"s3://{bucket}/out")
    capfd.readouterr()
    assert main(["status", f"s3://{bucket}/out", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["counts"] == {"done": 1, "failed": 0}
    assert main(["status", f"s3://{bucket}/none"]) == 1
    assert "no manifest.db" in capfd.readouterr().err
