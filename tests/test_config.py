"""Settings are read once, validated together, and reveal no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from peterental.config import RENDER_PROXIES, Config, ConfigError, SecretKeyError
from peterental.trusted_proxies import NO_PROXIES, TrustedProxies

PRODUCTION = {
    "PETERENTAL_ENV": "production",
    "DATABASE_URL": "postgres://pete:hush@db.example.com/peterental",
    "SECRET_KEY": "a-key",
    "VAPI_WEBHOOK_SECRET": "a-secret",
}


def test_the_default_is_development_on_localhost() -> None:
    config = Config.from_env({})
    assert config.environment == "development"
    assert config.bind == "127.0.0.1:8000"
    assert config.database_url is None
    assert config.default_time_zone == "America/Chicago"


def test_an_empty_value_counts_as_not_set() -> None:
    assert Config.from_env({"DATABASE_URL": "", "PORT": " ", "LOG_LEVEL": ""}) == Config.from_env({})


def test_port_listens_on_every_interface() -> None:
    config = Config.from_env({"PORT": "10000"})
    assert config.bind == "0.0.0.0:10000"
    assert config.address == "http://127.0.0.1:10000"


def test_render_means_production() -> None:
    with pytest.raises(ConfigError, match="production needs DATABASE_URL and SECRET_KEY and VAPI_WEBHOOK_SECRET"):
        Config.from_env({"RENDER": "true"})


def test_render_can_be_development() -> None:
    assert not Config.from_env({"RENDER": "true", "PETERENTAL_ENV": "development"}).is_production


@pytest.mark.parametrize(
    ("environ", "proxies"),
    [
        ({}, NO_PROXIES),
        (PRODUCTION, NO_PROXIES),
        ({**PRODUCTION, "RENDER": "true"}, RENDER_PROXIES),
        ({**PRODUCTION, "RENDER": "true", "TRUSTED_PROXIES": "0"}, NO_PROXIES),
        ({"TRUSTED_PROXIES": "2"}, TrustedProxies(hops=2)),
        ({"TRUSTED_PROXIES": " 10.0.0.0/8, ::1"}, TrustedProxies.parse("10.0.0.0/8,::1")),
    ],
)
def test_no_proxy_is_trusted_except_on_render(environ: dict[str, str], proxies: TrustedProxies) -> None:
    assert Config.from_env(environ).trusted_proxies == proxies


@pytest.mark.parametrize(
    "value", ["-1", "17", "1e9", "٣", "*", "10.0.0.1/8", "0.0.0.0/0", "::/0", "1,", "proxy", "9" * 99]
)
def test_unclear_proxies_are_rejected(value: str) -> None:
    with pytest.raises(ConfigError, match="TRUSTED_PROXIES must be a number of proxies from 0 to 16, or networks"):
        Config.from_env({"TRUSTED_PROXIES": value})


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({"PUBLIC_URL": "https://rent.example.com"}, "https://rent.example.com"),
        ({"PUBLIC_URL": "https://Rent.Example.com:8443/"}, "https://rent.example.com:8443"),
        ({"PUBLIC_URL": "http://[::1]:8000"}, "http://[::1]:8000"),
        ({"RENDER_EXTERNAL_URL": "https://x.onrender.com"}, "https://x.onrender.com"),
        ({"RENDER_EXTERNAL_URL": "https://x.onrender.com", "PUBLIC_URL": "https://a.example"}, "https://a.example"),
        ({"RENDER_EXTERNAL_URL": "https://x.onrender.com", "PUBLIC_URL": " "}, "https://x.onrender.com"),
        ({"PORT": "9000"}, "http://127.0.0.1:9000"),
    ],
)
def test_links_start_with_the_public_address(environ: dict[str, str], address: str) -> None:
    assert Config.from_env(environ).address == address


@pytest.mark.parametrize("name", ["PUBLIC_URL", "RENDER_EXTERNAL_URL"])
@pytest.mark.parametrize(
    "value",
    ["rent.example.com", "//rent.example.com", "ftp://a", "https://", "https://a/b", "https://a?b", "https://a#b",
     "https://u:p@a", "https://a b", "https://a\tb", "https://a:0", "https://a:99999", "https://[::1", "https://ä.example",
     "javascript:alert(1)", "https://a\\b"],
)  # fmt: skip
def test_other_public_addresses_are_rejected(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must look like https://rent.example.com, without a path"):
        Config.from_env({name: value})


@pytest.mark.parametrize("name", ["DATABASE_URL", "SECRET_KEY", "VAPI_WEBHOOK_SECRET"])
def test_production_requires_each_secret(name: str) -> None:
    with pytest.raises(ConfigError, match=f"production needs {name} to be set"):
        Config.from_env({**PRODUCTION, name: ""})


def test_all_problems_are_in_one_message() -> None:
    environ = {
        **PRODUCTION,
        "SECRET_KEY": "",
        "DATABASE_URL": "mysql://root:hush@db/x",
        "PORT": "eighty",
        "WEB_THREADS": "0",
        "MIGRATE_FAILURE": "shrug",
        "DEFAULT_TIME_ZONE": "Mars/Olympus",
        "LOG_FORMAT": "xml",
        "PETERENTAL_DEMO": "1",
    }
    with pytest.raises(ConfigError) as caught:
        Config.from_env(environ)
    message = str(caught.value)
    assert "\n" not in message
    for name in environ.keys() - PRODUCTION.keys() | {"SECRET_KEY", "DATABASE_URL"}:
        assert name in message
    assert message.count("DATABASE_URL") == 1
    assert "hush" not in message


@pytest.mark.parametrize(
    "url", ["localhost/db", "postgresql:", "postgresql://h:port/db", "postgresql://[::1/db", "x" * 99]
)
def test_an_invalid_database_url_is_rejected(url: str) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL must look like"):
        Config.from_env({"DATABASE_URL": url})


def test_log_level_may_be_lower_case() -> None:
    assert Config.from_env({"LOG_LEVEL": "debug"}).log_level == "DEBUG"


def test_repr_contains_no_secret() -> None:
    text = repr(
        Config.from_env({**PRODUCTION, "VAPI_HMAC_SECRET": "signed", "MIGRATIONS_DATABASE_URL": "postgres://a:b@c/d"})
    )
    for secret in ("hush", "a-key", "a-secret", "signed", "a:b"):
        assert secret not in text


def test_the_development_key_is_created_once(tmp_path: Path) -> None:
    config = Config(instance_dir=tmp_path / "instance")
    key = config.session_key()
    assert len(key) >= 32
    assert config.session_key() == key
    assert (tmp_path / "instance" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_concurrent_starts_share_one_key(tmp_path: Path) -> None:
    config = Config(instance_dir=tmp_path)
    with ThreadPoolExecutor(8) as threads:
        keys = {future.result() for future in [threads.submit(config.session_key) for _ in range(32)]}
    assert len(keys) == 1


def test_a_configured_key_is_not_stored(tmp_path: Path) -> None:
    assert Config(secret_key="given", instance_dir=tmp_path).session_key() == "given"
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_key_folder_is_reported(tmp_path: Path) -> None:
    blocked = tmp_path / "instance"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(SecretKeyError, match="set SECRET_KEY or make that folder writable"):
        Config(instance_dir=blocked).session_key()


def test_invalid_settings_exit_with_one_message() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from peterental.config import Config; Config.from_env_or_exit()"],
        env={**os.environ, "PORT": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "❌ PeteRental cannot start: PORT must be a whole number from 1 to 65535, not 'none'.\n"


def test_credentials_keys_rotate_and_the_session_key_is_last() -> None:
    first, second = "n" * 32, "o" * 40
    config = Config.from_env({"CREDENTIALS_KEY": f" {first}, {second},", "SECRET_KEY": "s"})
    assert config.encryption_keys() == (first, second, "s")
    assert Config.from_env({"SECRET_KEY": "s"}).encryption_keys() == ("s",)
    assert first not in repr(config)


@pytest.mark.parametrize(("name", "value"), [("CREDENTIALS_KEY", "too-short"), ("REQUIRE_SECOND_FACTOR", "some")])
def test_invalid_sign_in_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        Config.from_env({name: value})
    assert "too-short" not in str(caught.value)


def test_required_second_factor_is_read() -> None:
    assert Config.from_env({}).require_second_factor == ""
    assert Config.from_env({"REQUIRE_SECOND_FACTOR": "all"}).require_second_factor == "all"
