"""Certificates for the TLS tests, made with the openssl command: a CA, both ends signed by it, and a stranger."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DAYS: Final = "3"
_CURVE: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files. The server's certificate names localhost and 127.0.0.1.

    `other_...` belong to an authority that neither end trusts.
    """

    ca: str
    server_cert: str
    server_key: str
    client_cert: str
    client_key: str
    other_ca: str
    other_cert: str
    other_key: str


def make_certificates(folder: Path) -> Certificates:
    """Writes all of them into `folder`."""
    ca, ca_key = _authority(folder, "ca")
    other_ca, other_ca_key = _authority(folder, "other_ca")
    server = _signed(folder, "server", ca, ca_key)
    client = _signed(folder, "client", ca, ca_key)
    other = _signed(folder, "other", other_ca, other_ca_key)
    return Certificates(ca, *server, *client, other_ca, *other)


def _authority(folder: Path, name: str) -> tuple[str, str]:
    certificate, key = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
    _openssl(
        "req", "-x509", *_CURVE, "-keyout", key, "-out", certificate, "-days", DAYS,
        "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    return certificate, key


def _signed(folder: Path, name: str, ca: str, ca_key: str) -> tuple[str, str]:
    certificate, key = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
    request, extensions = str(folder / f"{name}.csr"), folder / f"{name}.ext"
    extensions.write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n"
        "basicConstraints=CA:FALSE\n"
    )
    _openssl("req", "-new", *_CURVE, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    _openssl(
        "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
        "-out", certificate, "-days", DAYS, "-extfile", str(extensions),
    )  # fmt: skip
    return certificate, key


def _openssl(*arguments: str) -> None:
    done = subprocess.run(("openssl", *arguments), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
