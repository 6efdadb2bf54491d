"""TLS of both ends: 1.2 or later, each shows a certificate, and files that cannot serve are named."""

import ssl
from pathlib import Path

from ess_actors.core.points import Tls


def client_context(tls: Tls) -> ssl.SSLContext:
    """Raises ValueError that names the file that is to blame."""
    return _loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), tls)


def server_context(tls: Tls) -> ssl.SSLContext:
    """Only masters with a certificate of a known authority come in. Raises OSError that names the file to blame."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        return _loaded(context, tls)
    except ValueError as error:
        raise OSError(f"tls {error}") from error


def _loaded(context: ssl.SSLContext, tls: Tls) -> ssl.SSLContext:
    for what, file in (("certificate", tls.certificate), ("key", tls.key), ("authorities", tls.authorities)):
        try:
            with Path(file).open("rb"):
                pass
        except OSError as error:
            raise ValueError(f"{what} {file!r} cannot be read: {error.strerror}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password given here an encrypted key would ask for one at the terminal, and wait.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except ssl.SSLError as error:
        reason = (error.reason or "not PEM").lower().replace("_", " ")
        text = f"certificate {tls.certificate!r} and key {tls.key!r} do not serve: {reason}"
        raise ValueError(text) from error
    try:
        context.load_verify_locations(tls.authorities)
    except ssl.SSLError as error:
        text = f"authorities {tls.authorities!r} do not serve: no certificate in it"
        raise ValueError(text) from error
    return context
