"""The TLS side of a listener: only masters with a certificate of a known authority come in."""

import ssl
from pathlib import Path

from ess_actors.core.points import Tls


def server_context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 or later, certificates on both sides. Raises OSError that names the file that is to blame."""
    for what, file in (("certificate", tls.certificate), ("key", tls.key), ("authorities", tls.authorities)):
        try:
            with Path(file).open("rb"):
                pass
        except OSError as error:
            raise OSError(error.errno, f"tls {what} {file!r} cannot be read: {error.strerror}") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        # A key with a password would be asked for on the terminal; here it is refused.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except ssl.SSLError as error:
        text = f"tls certificate {tls.certificate!r} and key {tls.key!r} do not serve: {_reason(error)}"
        raise OSError(text) from error
    try:
        context.load_verify_locations(tls.authorities)
    except ssl.SSLError as error:
        raise OSError(f"tls authorities {tls.authorities!r} do not serve: {_reason(error)}") from error
    return context


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
