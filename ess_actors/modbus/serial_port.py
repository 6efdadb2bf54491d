"""One open serial port for pymodbus' client."""

import asyncio
import errno
import os
import termios
from contextlib import suppress
from typing import Any

from pymodbus.transport.serialtransport import SerialTransport

from ess_actors.core.points import Serial


class Port(SerialTransport):
    """The library's transport, which reads and writes without `select`.

    pyserial's own calls fail for every descriptor above 1023, and an error of a kind the library does not
    expect would call it again and again. Whatever fails here closes the port, and says so.
    """

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Sends now what the port takes; the rest follows."""
        self.intern_write_buffer.append(bytes(data))
        self.intern_write_ready()
        if self.intern_write_buffer and self.sync_serial is not None:
            self.async_loop.add_writer(self.sync_serial.fileno(), self.intern_write_ready)

    def intern_write_ready(self) -> None:
        """The port takes something."""
        waiting = b"".join(self.intern_write_buffer)
        try:
            sent = os.write(self.sync_serial.fileno(), waiting)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.close(error)
            return
        if sent < len(waiting):
            self.intern_write_buffer[:] = [waiting[sent:]]
        else:
            self.flush()

    def intern_read_ready(self) -> None:
        """Something came in, or the adapter is gone."""
        try:
            chunk = os.read(self.sync_serial.fileno(), 4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.close(error)
            return
        if chunk:
            self.intern_protocol.data_received(chunk)  # type: ignore[attr-defined]
        else:
            self.close(OSError("the adapter is gone"))

    def forget_unsent(self) -> None:
        """What still waits to be sent will not be."""
        self.flush()
        with suppress(OSError, termios.error):
            self.sync_serial.reset_output_buffer()


def open_port(loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol, serial: Serial) -> Port:
    """The port, reading; `protocol` gets its connection in a moment. Raises OSError and ValueError."""
    try:
        port = Port(
            loop,
            protocol,
            serial.device,
            serial.baud_rate,
            serial.data_bits,
            serial.parity,
            serial.stop_bits,
            0,
        )
    except termios.error as error:
        raise OSError(*error.args) from error
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise OSError("another program has the port") from error
        raise
    port.setup()
    return port
