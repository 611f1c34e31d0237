"""Settings: sources in order, secrets without defaults, mistakes named without their values."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from broker.settings import Settings, SettingsError

MINIMAL = 'issuer = "http://127.0.0.1:8400"\n'


def _home(tmp_path: Path, text: str = MINIMAL) -> Path:
    (tmp_path / "broker.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_file_then_environment_then_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = _home(tmp_path, MINIMAL + 'language = "pt"\nthreads = 7\n[wallet]\nclient_id = "w"\n')
    assert Settings.load(home).threads == 7
    monkeypatch.setenv("TONGGUAN_THREADS", "9")
    monkeypatch.setenv("TONGGUAN_WALLET__ORIGINS", '["http://127.0.0.1:1"]')
    settings = Settings.load(home, language="en")
    assert (settings.threads, settings.language) == (9, "en")
    assert (settings.wallet.client_id, settings.wallet.origins) == ("w", ("http://127.0.0.1:1",))
    assert settings.home == home.resolve()


def test_constructing_reads_no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TONGGUAN_LANGUAGE", "pt")
    assert Settings(home=tmp_path, issuer="http://127.0.0.1:1").language == "zh-Hant"


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = Settings.load(_home(tmp_path))
    with pytest.raises(ValidationError):
        settings.threads = 1  # type: ignore[misc]  # the point of the test


def test_secrets_have_no_default_and_do_not_show(tmp_path: Path) -> None:
    provider = '[providers.iamsmart]\nissuer = "http://127.0.0.1:2"\nclient_id = "tongguan"\nprivate_key = "key.pem"\n'
    with pytest.raises(SettingsError, match=r"providers\.iamsmart\.client_secret"):
        Settings.load(_home(tmp_path, MINIMAL + provider))
    settings = Settings.load(_home(tmp_path, MINIMAL + provider + 'client_secret = "s3cret"\n'))
    assert isinstance(settings.providers["iamsmart"].options.client_secret, SecretStr)
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "issuer"),
        ('issuer = "http://127.0.0.1:1/path"', "issuer"),
        ('issuer = "ftp://x"', "issuer"),
        (MINIMAL + 'surprise = "v4lue"', "surprise"),
        (MINIMAL + 'threads = "v4lue"', "threads"),
        (MINIMAL + 'language = "v4lue"', "language"),
        ("issuer = ", "cannot be read"),
    ],
)
def test_a_mistake_is_named_and_its_value_is_not(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        Settings.load(_home(tmp_path, text))
    assert "v4lue" not in str(caught.value)


def test_no_home_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tongguan broker init"):
        Settings.load(tmp_path)
