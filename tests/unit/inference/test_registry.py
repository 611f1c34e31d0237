"""models.toml: the shipped one holds together, an operator's extends it, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate_client.inference.registry import RegistryError, load_registry, set_id

FILE = 'sha256 = "' + "0" * 64 + '"'


def write(folder: Path, text: str) -> Path:
    (folder / "models.toml").write_text("version = 1\n" + text, encoding="utf-8")
    return folder


def test_the_shipped_registry_describes_the_defaults_with_sources_and_hashes() -> None:
    registry = load_registry()
    assert registry.default.embedders == ("dlib-resnet-v1", "mobilefacenet-192")
    assert all(file.source and file.member_sha256 for file in registry.files.values())
    assert all(source.licence for source in registry.sources.values())
    assert set_id(registry.default.embedders) in registry.fusion
    assert not registry.embedders["mobilefacenet-192"].licence_clean


def test_licence_clean_keeps_what_is_documented() -> None:
    registry = load_registry()
    assert registry.chosen_embedders(licence_clean=True) == ("dlib-resnet-v1",)
    assert registry.chosen_detector(licence_clean=True).kind == "mtcnn"


def test_an_operators_file_adds_and_replaces(tmp_path: Path) -> None:
    write(tmp_path, f'[files."own.onnx"]\n{FILE}\n[detectors.own]\nkind = "yunet"\nfile = "own.onnx"\nlicence = "x"\n'
                    'licence_clean = true\n[default]\ndetector = "own"\nembedders = ["dlib-resnet-v1"]\n')  # fmt: skip
    registry = load_registry(tmp_path)
    assert registry.chosen_detector(licence_clean=False).files == ("own.onnx",)
    assert set(load_registry().files) < set(registry.files)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "Expected"),
        ("surprise = 1", "surprise"),
        ('[default]\ndetector = "none"\nembedders = ["dlib-resnet-v1"]', "default detector 'none'"),
        ('[default]\ndetector = "mtcnn"\nembedders = []', "default embedders"),
        ('[files."x.onnx"]\nsha256 = "short"', "sha256"),
        (f'[files."x.onnx"]\n{FILE}\nsource = "mtcnn"', "go together"),
        ('[files."mtcnn-pnet.onnx"]\nsha256 = "' + "0" * 64 + '"\nsource = "gone"\nmember = "m"\nmember_sha256 = "'
         + "0" * 64 + '"\nconverter = "copy"', "unknown sources"),
        ('[detectors.d]\nkind = "magic"\nfile = "x.onnx"', "kind"),
        ('[detectors.d]\nkind = "yunet"\nfile = "../x.onnx"\nlicence = "x"\nlicence_clean = true', "file"),
        ('[detectors.d]\nkind = "yunet"\nfile = "new.onnx"\nlicence = "x"\nlicence_clean = true', "without a hash"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(RegistryError, match=why):
        load_registry(write(tmp_path, text))


def test_a_licence_clean_gate_does_not_fall_back_to_something_else(tmp_path: Path) -> None:
    write(tmp_path, '[default]\ndetector = "mtcnn"\nembedders = ["mobilefacenet-192"]')
    with pytest.raises(RegistryError, match="no licence-clean embedder"):
        load_registry(tmp_path).chosen_embedders(licence_clean=True)
