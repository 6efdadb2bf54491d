"""The address keys of a connection or server, as a file states them."""

from ess_actors.core.points import Serial, Tls

Tree = dict[str, object]


def serial_keys(serial: Serial) -> Tree:
    """A serial line as a connection or server states it."""
    return {
        "serial_device": serial.device,
        "baud_rate": serial.baud_rate,
        "parity": {"N": "none", "E": "even", "O": "odd"}[serial.parity],
        "data_bits": serial.data_bits,
        "stop_bits": serial.stop_bits,
    }


def tls_keys(tls: Tls) -> Tree:
    """TLS as a connection or server states it."""
    inner: Tree = {"certificate": tls.certificate, "key": tls.key, "authorities": tls.authorities}
    return {"tls": inner | ({"server_name": tls.server_name} if tls.server_name else {})}
