"""`tongguan transfer decide`: any file gives an answer as JSON, or one line that says what is wrong with it."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from broker.cli import app
from broker.cli.case_file import MAX_BYTES, parse
from broker.core.governance.case import CaseError

RUN = CliRunner()


def _run(path: Path, content: str | bytes, *options: str) -> tuple[int, str, str]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    done = RUN.invoke(app, ["transfer", "decide", str(path), *options])
    return done.exit_code, done.stdout, done.stderr


def test_yaml_and_json_give_the_same_answer(tmp_path: Path) -> None:
    yaml = _run(tmp_path / "case.yaml", "before: {nonsensitive: 99999}\n")
    js = _run(tmp_path / "case.json", '{"before": {"nonsensitive": 99999}}')
    assert yaml == js
    code, out, _ = yaml
    assert code == 0
    answer = json.loads(out)
    assert (answer["decision"], answer["gate"], answer["alternatives"]) == ("scc_or_certification", "hold", ["gba_sc"])


def test_a_denial_is_an_answer(tmp_path: Path) -> None:
    code, out, _ = _run(tmp_path / "case.yaml", "consent: {withdrawn: true}")
    assert code == 0
    assert json.loads(out)["reasons"] == ["consent_withdrawn"]


def test_dates(tmp_path: Path) -> None:
    code, out, _ = _run(tmp_path / "case.yaml", "event: gba_contract_effective\ndate: 2026-03-02\n")
    assert code == 0
    assert json.loads(out)["due"] == "2026-03-16"


def test_standard_input() -> None:
    done = RUN.invoke(app, ["transfer", "decide", "-"], input="basis: hr\n")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["decision"] == "exempt"


def test_several_cases_give_a_list(tmp_path: Path) -> None:
    code, out, _ = _run(
        tmp_path / "c.yaml", "cases:\n- {id: A, inputs: {basis: hr}}\n- {id: B, inputs: {pia_done: false}}\n"
    )
    assert code == 0
    assert [(answer["id"], answer["gate"]) for answer in json.loads(out)] == [("A", "allow"), ("B", "deny")]


def test_a_list_with_a_bad_case_answers_the_rest_and_fails(tmp_path: Path) -> None:
    code, out, _ = _run(tmp_path / "c.yaml", "- {basis: whim}\n- {data: {categories: [soul]}}\n- {basis: hr}\n")
    first, second, third = json.loads(out)
    assert code == 2
    assert ("basis" in first["error"], "soul" in second["error"], third["decision"]) == (True, True, "exempt")


def test_json_that_is_not_yaml_is_read_from_standard_input() -> None:
    done = RUN.invoke(app, ["transfer", "decide", "-"], input='{\n\t"basis":\t"hr"\n}')
    assert (done.exit_code, json.loads(done.stdout)["decision"]) == (0, "exempt")


def test_explained(tmp_path: Path) -> None:
    code, out, _ = _run(tmp_path / "case.yaml", "{}", "--language", "pt")
    assert code == 0
    assert json.loads(out)["explanation"]["headline"] == "Pode seguir agora."
    code, _, err = _run(tmp_path / "case.yaml", "{}", "--language", "fr")
    assert (code, "--language" in err) == (2, True)


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("c.yaml", "surprise: 1", "surprise"),
        ("c.yaml", "", "mapping"),
        ("c.yaml", "[1", "not YAML"),
        ("c.yaml", "a: &x 1\nb: *x", "aliases"),
        ("c.yaml", "basis: hr\nbasis: consent", "twice"),
        ("c.yaml", "!!python/object:os.system {}", "not YAML"),
        ("c.yaml", "at: 2026-99-99", "not a readable document"),
        ("c.yaml", "--- {}\n--- {}", "not YAML"),
        ("c.yaml", "[" * 5000, "deep"),
        ("c.yaml", b"\xff\xfe\xfd", "UTF-8"),
        ("c.yaml", "#" * (MAX_BYTES + 1), "at most"),
        ("c.json", "basis: hr", "not a readable document"),
        ("c.json", '{"basis": "hr", "basis": "consent"}', "twice"),
        ("c.json", "[" * 60000, "deep"),
        ("c.json", "9" * 5000, "not a readable document"),
        ("c.json", '{"linkage": NaN}', "linkage"),
        ("c.yaml", "data: {categories: [soul]}", "soul"),
        ("c.yaml", "exporter: {origin: JP}", "JP"),
        ("c.yaml", "at: 2020-01-01", "in force"),
    ],
)
def test_what_cannot_be_answered_is_one_line(tmp_path: Path, name: str, content: str | bytes, named: str) -> None:
    code, out, err = _run(tmp_path / name, content)
    assert (code, out) == (2, "")
    assert named in err
    assert "Traceback" not in err


def test_a_missing_file(tmp_path: Path) -> None:
    done = RUN.invoke(app, ["transfer", "decide", str(tmp_path / "none.yaml")])
    assert done.exit_code == 2
    assert "No such file" in done.stderr


def test_without_a_yaml_package_json_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert _run(tmp_path / "case.json", "{}")[0] == 0
    code, _, err = _run(tmp_path / "case.yaml", "basis: hr")
    assert (code, "pip install 'tongguan[broker]'" in err) == (2, True)


def test_a_key_that_cannot_be_one() -> None:
    with pytest.raises(CaseError):
        parse("? [a]\n: 1\n", as_json=False)
