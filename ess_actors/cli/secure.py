"""TLS to the operator API: the host's certificate is checked, against a file when one is named."""

import os
import ssl
from typing import Final

from ess_actors.core.errors import RequestError

CA_VARIABLE: Final = "ESS_ACTORS_CA"


def context() -> ssl.SSLContext:
    """Trusts what this host trusts, or only what is in the PEM file that ESS_ACTORS_CA names.

    Raises RequestError when that cannot be read.
    """
    file = os.environ.get(CA_VARIABLE) or None
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as problem:
        text = f"{CA_VARIABLE}: {file} is no readable PEM file ({problem.strerror or problem}); correct it"
        raise RequestError("bad_certificate", text) from None


def only(certificate: str) -> ssl.SSLContext:
    """Trusts this very certificate, whatever name it is for: for the launch command, which knows its own site."""
    found = ssl.create_default_context(cafile=certificate)
    found.check_hostname = False
    found.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return found
