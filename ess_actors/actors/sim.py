"""The simulator actor: stands in for every device of the site, on loopback, while `--sim` is given."""

from typing import Any

from ess_actors.actors.io_thread import IoActor
from ess_actors.actors.settings import SimSettings
from ess_actors.core.control import Answer, SimCommand
from ess_actors.core.errors import RequestError
from ess_actors.modbus.simulator import Simulator


class SimActor(IoActor):
    """Simulated devices and the plant they form."""

    kind = "sim"

    def __init__(self) -> None:
        super().__init__()
        self._simulator: Simulator

    def on_configure(self, settings: SimSettings) -> None:
        self._simulator = Simulator(settings.maps, ports=settings.ports, plant=settings.plant)
        self.start_io()
        self.run_io(self._start())

    def on_control(self, message: Any, sender: Any) -> None:
        if isinstance(message, SimCommand):
            self.run_io(self._obey(message, sender))

    def on_io(self, item: Any) -> None:
        if item == "started":
            self.ready()
        else:
            address, answer = item
            self.send(address, answer)

    async def stop_io(self) -> None:
        await self._simulator.stop()

    # --- on the IO thread -------------------------------------------------------------------------------------

    async def _start(self) -> None:
        await self._simulator.start()
        self.from_io("started")

    async def _obey(self, command: SimCommand, sender: Any) -> None:
        try:
            if command.verb == "points":
                self._simulator.set_points(command.stem, command.body)
            else:
                await self._simulator.fault(command.stem, command.body)
        except RequestError as error:
            answer = Answer(command.ticket, error.status, {"text": str(error)})
        else:
            answer = Answer(command.ticket, "", {"stem": command.stem, command.verb: command.body})
        self.from_io((sender, answer))
