"""What every process needs of a site's maps, made once before the first fork: a restarted client finds it made."""

from collections.abc import Iterable

from ess_actors.actors.settings import EssSettings
from ess_actors.core.polling import plan
from ess_actors.core.registers_block import BlockDecoder


def prepare(instances: Iterable[EssSettings]) -> None:
    """Compile the decode plans of all devices into the memory that is forked."""
    maps = [one for instance in instances for client in instance.clients for one in client.maps]
    for component in (component for one in maps for component in one.components):
        for cycle in plan(component):
            for block in cycle.blocks:
                BlockDecoder(block.address, block.count, block.is_bits, block.points)
