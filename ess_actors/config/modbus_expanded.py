"""Modbus files as they are after ranges and inheritance: trees that load to the same again."""

from collections.abc import Iterable

from ess_actors.config.modbus_expanded_line import Tree, serial_keys, tls_keys
from ess_actors.config.modbus_expanded_points import map_entries
from ess_actors.config.modbus_expanded_server import server_tree
from ess_actors.config.modbus_files import ModbusFile
from ess_actors.core.points import ClientMap, Component, Endpoint, Point, Table

GROUP_TYPES = {
    Table.COIL: "Coil",
    Table.DISCRETE: "Discrete_Input",
    Table.INPUT: "Input",
    Table.HOLDING: "Holding",
}


def expanded_files(files: Iterable[ModbusFile]) -> list[Tree]:
    """One tree for every server and for every connection of every client."""
    found: list[Tree] = []
    for file in files:
        found.extend(client_tree(one) for one in file.clients)
        if file.server is not None:
            found.append(server_tree(file.server))
    return found


def client_tree(client: ClientMap) -> Tree:
    """What the file of one connection would say if it were written out."""
    connection = _connection(client.endpoint)
    if client.components:
        first = client.components[0]
        connection |= {
            "max_register_group_size": first.max_words,
            "max_bit_size": first.max_bits,
            "allow_multi_sets": first.allow_multi_sets,
            "force_multi_sets": first.force_multi_sets,
            "auto_disable": first.auto_disable,
            "bad_point_retry_s": first.bad_point_retry_s,
        }
    return {"connection": connection, "components": [_component(one) for one in client.components]}


def _connection(endpoint: Endpoint) -> Tree:
    tree: Tree = {"name": endpoint.name}
    if endpoint.serial is not None:
        tree |= serial_keys(endpoint.serial)
    else:
        tree |= {"ip_address": endpoint.host, "port": endpoint.port}
        tree |= tls_keys(endpoint.tls) if endpoint.tls else {"framer": "rtu" if endpoint.rtu else "socket"}
        tree |= {"max_num_connections": endpoint.max_connections, "max_in_flight": endpoint.max_in_flight}
    tree |= {
        "connection_timeout": endpoint.connect_timeout_s,
        "transfer_timeout": endpoint.transfer_timeout_s,
        "reconnect_min_s": endpoint.reconnect_min_s,
        "reconnect_max_s": endpoint.reconnect_max_s,
    }
    if endpoint.stats_uri:
        tree |= {"stats_pub_uri": endpoint.stats_uri, "stats_pub_frequency": endpoint.stats_period_ms}
    return tree


def _component(component: Component) -> Tree:
    root = component.uri[1 : -len(component.id) - 1]
    tree: Tree = {"id": component.id}
    if root != "components":
        tree["component_id"] = root
    tree |= {
        "device_id": component.unit,
        "frequency": component.period_ms,
        "offset_time": component.offset_ms,
        "component_heartbeat_timeout_ms": component.connected_timeout_ms,
        "max_gap_registers": component.max_gap_words,
        "inter_message_delay_ms": component.inter_message_delay_s * 1000,
        "publish_quality": component.publish_quality,
        "add_timings": component.add_timings,
        **_heartbeat(component),
        "registers": list(_groups(component)),
    }
    return tree


def _heartbeat(component: Component) -> Tree:
    tree: Tree = {}
    beat, dog = component.heartbeat, component.watchdog
    if beat is not None:
        tree["heartbeat_enabled"] = True
        if beat.read:
            tree["component_heartbeat_read_uri"] = beat.read
        if beat.write:
            tree["component_heartbeat_write_uri"] = beat.write
        tree["modbus_heartbeat_timeout_ms"] = beat.write_period_ms
        tree["component_heartbeat_max_value"] = beat.max_value
    if dog is not None:
        tree |= {
            "watchdog_enabled": True,
            "watchdog_uri": dog.point,
            "watchdog_frequency_ms": dog.check_ms,
            "watchdog_alarm_timeout_ms": dog.alarm_ms,
            "watchdog_fault_timeout_ms": dog.fault_ms,
            "watchdog_recovery_timeout_ms": dog.recovery_timeout_ms,
            "watchdog_recovery_time_ms": dog.recovery_ms,
        }
    return tree


def _groups(component: Component) -> Iterable[Tree]:
    """The groups that still have points, in file order."""
    groups: dict[tuple[int, int], list[Point]] = {}
    for point in component.points:
        groups.setdefault((point.register.group, point.unit), []).append(point)
    for (_, unit), points in groups.items():
        tree: Tree = {"type": GROUP_TYPES[points[0].table]}
        if unit != component.unit:
            tree["device_id"] = unit
        yield tree | {"map": list(map_entries(component, points))}
