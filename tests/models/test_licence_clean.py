"""`licence_clean`, from what an operator sets down to the networks that look at faces: at the broker and at a gate."""

import json
import subprocess
from pathlib import Path

import pytest

from broker.flows.ports import Examined
from broker.main import compose
from broker.settings import Settings
from tests.support.photos import TENANTS, photo
from tests.support.process import tongguan
from tests.support.stub_broker import StubBroker

BOTH, CLEAN = ["dlib-resnet-v1", "mobilefacenet-192"], ["dlib-resnet-v1"]


@pytest.mark.parametrize(("setting", "embedders"), [("", BOTH), ("licence_clean = true", CLEAN)])
def test_the_broker_enrols_with_what_its_configuration_allows(
    tmp_path: Path, model_dir: Path, setting: str, embedders: list[str]
) -> None:
    home = tmp_path / "broker"
    subprocess.run(tongguan("broker", "init", "--home", home), check=True, capture_output=True, timeout=120)
    written = (home / "broker.toml").read_text(encoding="utf-8")
    (home / "broker.toml").write_text(f'models = "{model_dir}"\n{setting}\n{written}', encoding="utf-8")
    ports = compose(Settings.load(home), "postgresql://127.0.0.1:1/none")
    try:
        capture, portrait = (photo(name).read_bytes() for name in (TENANTS[0].enrolment, TENANTS[0].portrait))
        seen = ports.services.examiner.examine(capture, portrait, [bytes([n] * 16) for n in range(2)])
    finally:
        for port in ports.closing:
            port.close()
    assert isinstance(seen, Examined)
    assert [part.embedder for part in seen.template.parts] == embedders
    assert ("mobilefacenet-192.onnx" in seen.model_hashes) is (embedders == BOTH)


@pytest.mark.parametrize(("options", "embedders"), [((), BOTH), (("--licence-clean",), CLEAN)])
def test_a_gate_compares_with_what_its_option_allows(
    tmp_path: Path, model_dir: Path, options: tuple[str, ...], embedders: list[str]
) -> None:
    home = tmp_path / "gate"
    with StubBroker() as broker:
        enrolling = tongguan("gate", "enrol", "--broker", broker.url, "--code", "once", "--home", home)
        subprocess.run(enrolling, check=True, capture_output=True, timeout=120)
        running = tongguan("gate", "run", "--home", home, "--frames", "stdin", "--models", model_dir, *options)
        done = subprocess.run(running, input="", capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["embedders"] == embedders
