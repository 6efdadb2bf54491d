"""The site controller's side of the plant, by Modbus clients that are not ours."""

import shutil
import socket
import struct
import subprocess

import pytest

from tests.waiting import wait_for

ENERGY, CHARGE_POWER, DISCHARGE_POWER, STATE = 2003, 2004, 2005, 2006
COM_STATUS, EMS_ALARMS, FAULTS, ALARMS = 2007, 2008, 2009, 2010
FAULTS_HIGH = 2011
CLEAR, POWER_SETPOINT, START_STOP = 1001, 1005, 1000
START = 207


def signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def completed_clears(site) -> float:
    """Clears that ess_1 began and every member answered."""
    counts = site.metric("ess_clear_faults_total")
    return sum(
        value for series, value in counts.items() if 'result="complete"' in series and "ess_1" in series
    )


def test_energy_and_power_contain_both_batteries(site):
    wait_for("energy", lambda: site.word(ENERGY))
    wait_for(
        "both batteries",
        lambda: all(site.get(f"/ess_{n}/components/ess_{n}/bms_info/dischargeable_energy") for n in (1, 2)),
    )
    wait_for(
        "the sum of both at the site",
        lambda: abs(site.word(ENERGY) / 10 - sum(
            site.get(f"/ess_{n}/components/ess_{n}/bms_info/dischargeable_energy") for n in (1, 2)
        )) < 2,
    )  # fmt: skip
    wait_for("com_status to be clear", lambda: site.word(COM_STATUS) == 0)


def test_a_power_setpoint_reaches_the_converter_and_comes_back_as_power(site):
    site.modbus().write_single_register(START_STOP, START)
    site.modbus().write_single_register(POWER_SETPOINT, 100 * 10)
    uri = "/components/ess_1/pcs_controls/active_power_setpoint"
    wait_for("the setpoint in the device", lambda: site.get(uri) == 100)
    wait_for(
        "the power of the device",
        lambda: abs((site.get("/components/ess_1/pcs_fast/active_power") or 0) - 100) < 5,
        20,
    )
    site.modbus().write_single_register(POWER_SETPOINT, (-80 * 10) & 0xFFFF)
    wait_for("the other sign", lambda: site.get(uri) == -80)
    wait_for("charging", lambda: (site.get("/ess_1/status/ess_1/TotalChargeCurrent") or 0) > 1, 20)
    site.modbus().write_single_register(POWER_SETPOINT, 0)
    wait_for("zero", lambda: site.get(uri) == 0)


def test_a_fault_of_the_second_battery_is_seen_and_cleared_from_the_site(site):
    site.sim_set("bms_2", {"ess_2/bms_info/f_max_cell_temp": True})
    wait_for("bit 13 in ess_faults", lambda: (site.word(FAULTS) or 0) & (1 << 13))

    def listed():
        alarms = site.http.get("/api/alarms").json()["alarms"]
        return [
            a
            for a in alarms
            if a["instance"] == "ess_2" and "MaxCellTemp" in a["source"] and a["type"] == "fault"
        ]

    wait_for("the alarm in the list, with its instance", listed)
    in_ess_1 = wait_for("the entry in ess_1's own list", lambda: site.get("/ess_1/assets/ess/summary/faults"))
    assert in_ess_1
    site.sim_set("bms_2", {"ess_2/bms_info/f_max_cell_temp": None})
    done = sum(
        v for s, v in site.metric("ess_clear_faults_total").items() if "complete" in s and "ess_1" in s
    )
    assert site.modbus().write_single_register(CLEAR, 1)
    wait_for("the word to be empty", lambda: site.word(FAULTS) == 0)
    wait_for("the list to be empty", lambda: not listed())
    wait_for("the result", lambda: str(site.get("/ess_1/status/ess/ClearFaultsResult")).startswith("2 of 2"))
    wait_for(
        "the command register to be 0 again", lambda: site.modbus().read_holding_registers(CLEAR, 1) == [0]
    )
    wait_for("the count", lambda: completed_clears(site) > done)


def test_no_fault_of_nineteen_is_lost(site):
    site.sim_set("bms_2", {"ess_2/bms_info/f_soh": True})
    wait_for("bit 18, in the second word", lambda: (site.word(FAULTS_HIGH) or 0) & (1 << 2))
    assert site.word(FAULTS) == 0
    site.sim_set("bms_2", {"ess_2/bms_info/f_soh": None})
    site.modbus().write_single_register(CLEAR, 1)
    wait_for("both words to be empty", lambda: site.word(FAULTS) == 0 and site.word(FAULTS_HIGH) == 0)


def test_a_member_that_is_gone_is_named_in_the_result(own_site):
    site = own_site
    assert site.order("ess_2", "stop").status_code == 202
    wait_for("ess_2 to be stopped", lambda: site.actors()["ess_2"]["state"] == "STOPPED")
    site.modbus().write_single_register(CLEAR, 1)
    wait_for(
        "who did not answer",
        lambda: "1 of 2; ess_2 did not answer" in str(site.get("/ess_1/status/ess/ClearFaultsResult")),
    )
    wait_for("com_status to tell it", lambda: (site.word(COM_STATUS) or 0) & (1 << 4))


def test_eight_pipelined_requests_get_eight_answers_in_order(site):
    with socket.create_connection(("127.0.0.1", site.modbus_port), 5) as connection:
        requests = [struct.pack(">HHHBBHH", number, 0, 6, 1, 4, ENERGY, number) for number in range(1, 9)]
        connection.sendall(b"".join(requests))
        received = b""
        wanted = sum(9 + 2 * number for number in range(1, 9))
        while len(received) < wanted:
            more = connection.recv(4096)
            assert more, "closed early"
            received += more
    for number in range(1, 9):
        tid, _, length, _, function, count = struct.unpack_from(">HHHBBB", received)
        assert (tid, function, count) == (number, 4, 2 * number)
        received = received[6 + length :]


def test_a_frame_that_is_not_modbus_harms_nobody(site):
    with socket.create_connection(("127.0.0.1", site.modbus_port), 5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: plant\r\n\r\n")
        connection.settimeout(5)
        assert connection.recv(100) == b""
    assert site.word(ENERGY) is not None


def test_addresses_outside_the_map_and_parts_of_values_are_refused(site):
    client = site.modbus()
    assert client.read_input_registers(9000, 1) is None
    assert client.last_except == 2
    assert client.write_single_register(9000, 1) is not True


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed (apt-get install mbpoll)")
def test_mbpoll_reads_and_writes_as_a_site_controller_would(site):
    def mbpoll(*arguments: str) -> str:
        command = ["mbpoll", "-m", "tcp", "-p", str(site.modbus_port), "-a", "1", "-0", "-1", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert f"[{ENERGY}]" in mbpoll("-t", "3", "-r", str(ENERGY), "-c", "8", "127.0.0.1")
    assert "Written 1 references" in mbpoll("-t", "4", "-r", str(CLEAR), "127.0.0.1", "1")
    wait_for("the clear to be done", lambda: site.modbus().read_holding_registers(CLEAR, 1) == [0])
