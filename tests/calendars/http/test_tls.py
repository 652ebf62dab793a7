"""TLS is verified: against the name, by an authority that the machine trusts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from peterental.calendars.http import HttpClient
from peterental.calendars.model import CalendarUnreachable
from peterental.calendars.transport import tls_context
from tests.calendars.http.test_http import resolve, treat_as_public
from tests.calendars.loopback import LoopbackServer, answer
from tests.servers import HANG_S


class Authority:
    """A certificate authority of the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self._certificate = self._sign(self._name, self._key, [], is_authority=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def server_context(self, *names: str, is_expired: bool = False) -> ssl.SSLContext:
        """Return the context of a server with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(x509.Name([]), key, list(names), is_expired=is_expired)
        file = self._folder / "server.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: list[str],
        *,
        is_authority: bool = False,
        is_expired: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        alternatives: list[x509.GeneralName] = [
            x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
        ]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=-1 if is_expired else 9))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=True)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """Make an authority that this process trusts."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    treat_as_public(monkeypatch, "127.0.0.1")
    tls_context.cache_clear()
    yield made
    tls_context.cache_clear()


def test_a_valid_certificate_is_accepted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, ["127.0.0.1"])
    with LoopbackServer(answer(b"1"), answer(b"2"), tls=authority.server_context("cal.example")) as server:
        client = HttpClient(timeout_s=HANG_S)
        bodies = [client.request("GET", server.url(host="cal.example")).body for _ in range(2)]
        client.close()
        assert (bodies, server.connections) == ([b"1", b"2"], 1)
    assert server.exchanges[0].header("Host") == f"cal.example:{server.port}"


def test_a_certificate_of_an_address_is_accepted(authority: Authority) -> None:
    with LoopbackServer(answer(b"ip"), tls=authority.server_context("127.0.0.1")) as server:
        assert HttpClient(timeout_s=HANG_S).request("GET", server.url()).body == b"ip"


@pytest.mark.parametrize("names", [["other.example"], ["127.0.0.1"], ["*.cal.example"]])
def test_a_certificate_of_another_name_is_refused(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    resolve(monkeypatch, ["127.0.0.1"])
    with (
        LoopbackServer(answer(b"no"), tls=authority.server_context(*names)) as server,
        pytest.raises(CalendarUnreachable, match=r"its certificate or its encryption is not valid"),
    ):
        HttpClient(timeout_s=HANG_S).request("GET", server.url(host="cal.example"))
    assert server.exchanges == []


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    context = authority.server_context("127.0.0.1", is_expired=True)
    with LoopbackServer(answer(b"no"), tls=context) as server, pytest.raises(CalendarUnreachable):
        HttpClient(timeout_s=HANG_S).request("GET", server.url())


def test_an_unknown_authority_is_refused_where_private_is_allowed(tmp_path: Path) -> None:
    context = Authority(tmp_path).server_context("127.0.0.1")
    with LoopbackServer(answer(b"no"), tls=context) as server, pytest.raises(CalendarUnreachable):
        HttpClient(timeout_s=HANG_S, allow_private=True).request("GET", server.url())


def test_a_server_without_tls_is_unreachable(authority: Authority) -> None:
    assert authority.file.exists()
    with LoopbackServer(b"HTTP/1.1 400 plain\r\n\r\n") as server, pytest.raises(CalendarUnreachable):
        HttpClient(timeout_s=0.25).request("GET", server.url().replace("http:", "https:"))


def test_a_handshake_that_hangs_ends_with_the_time(authority: Authority) -> None:
    assert authority.file.exists()
    with LoopbackServer(b"") as server, pytest.raises(CalendarUnreachable):
        HttpClient(timeout_s=0.25).request("GET", server.url().replace("http:", "https:"))
