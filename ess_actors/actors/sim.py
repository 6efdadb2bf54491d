"""The simulator actor: stands in for every device of the site, on loopback, while `--sim` is given."""

from typing import Any

import orjson

from ess_actors.actors.io_thread import IoActor
from ess_actors.actors.settings import SimSettings
from ess_actors.core.component_writes import json_body, trouble
from ess_actors.core.control import Answer, SimCommand
from ess_actors.core.errors import RequestError
from ess_actors.core.messages import Message, reply_to
from ess_actors.modbus.simulator import Simulator
from ess_actors.modbus.simulator_bus import SimulatorBus
from ess_actors.modbus.simulator_orders import obey


class SimActor(IoActor):
    """Simulated devices and the plant they form."""

    kind = "sim"

    def __init__(self) -> None:
        super().__init__()
        self._simulator: Simulator
        self._bus: SimulatorBus

    def on_configure(self, settings: SimSettings) -> None:
        self._simulator = Simulator(
            settings.maps,
            ports=settings.ports,
            plant=settings.plant,
            plain=True,  # the clients of a site are pointed at it by host and port alone
            set_field=self._set_field,
        )
        self._bus = SimulatorBus(self._simulator)
        self.start_io()
        self.run_io(self._start())

    def on_message(self, message: Message) -> None:
        if message.method != "pub":
            self.run_io(self._serve(message))
        elif not message.status:
            self.call_io(self._bus.heard, message.uri, message.body)

    def on_control(self, message: Any, sender: Any) -> None:
        if isinstance(message, SimCommand):
            self.run_io(self._obey(message, sender))

    def on_io(self, item: Any) -> None:
        match item:
            case "started":
                self.ready(self._bus.subscriptions)
            case Message():
                self.post(item)
            case (Message() as asked, reply):
                self.post(reply_to(asked, json_body(reply), trouble(reply) if asked.explain else ""))
            case (address, answer):
                self.send(address, answer)

    async def stop_io(self) -> None:
        await self._simulator.stop()

    # --- on the IO thread -------------------------------------------------------------------------------------

    async def _start(self) -> None:
        await self._simulator.start()
        self.from_io("started")

    def _set_field(self, uri: str, value: object) -> None:
        """A master wrote to a point that echoes the bus: the owner of the variable decides."""
        self.from_io(Message("set", uri, orjson.dumps({"value": value})))

    async def _serve(self, message: Message) -> None:
        reply = await self._bus.answer(message.method, message.uri, message.body)
        if message.replyto or message.explain:
            self.from_io((message, reply))

    async def _obey(self, command: SimCommand, sender: Any) -> None:
        try:
            body = await obey(self._simulator, command.verb, command.stem, command.body)
        except RequestError as error:
            answer = Answer(command.ticket, error.status, {"text": str(error)})
        else:
            answer = Answer(command.ticket, "", body)
        self.from_io((sender, answer))
