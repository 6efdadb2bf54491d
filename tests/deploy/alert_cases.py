"""For each alert the series that raise it, in the notation of `promtool test rules`, one value a minute."""

from typing import NamedTuple

I = 'instance="a",job="ess"'  # noqa: E741


class Case(NamedTuple):
    """`series` (name and labels -> values) raise the alert at minute `at`, and not yet at minute `before`."""

    series: dict[str, str]
    before: int
    at: int
    labels: str = ""
    """What of the alert's labels must be there."""


def one(name: str, values: str, at: int, before: int = 0, labels: str = "") -> Case:
    """A case of one series, whose labels the alert keeps."""
    inside = f"{I},{labels}" if labels else I
    return Case({f"{name}{{{inside}}}": values}, before, at, labels)


def summed(name: str, values: str, at: int, before: int, labels: str) -> Case:
    """A case of one series, of whose labels the alert keeps only the instance."""
    return one(name, values, at, before, labels)._replace(labels='instance="a"')


ACTOR = 'actor="ess_1"'
DEVICE = 'device="bms_1"'

CASES: dict[str, Case] = {
    "EssControllerDown": one("up", "1x5 0x10", 8, 4),
    "EssNotScraped": Case({'up{job="other"}': "1x20"}, 3, 6),
    "EssNotReady": one("ess_ready", "1x5 0x10", 8, 5),
    "EssActorDown": one("ess_actor_up", "1x5 0x10", 8, 5, ACTOR),
    "EssActorFailed": one("ess_actor_failed", "0x5 1x10", 7, 4, ACTOR),
    "EssActorHung": one("ess_actor_hung_total", "0x5 1x20", 8, 4, ACTOR),
    "EssActorRestarts": one("ess_actor_restarts_total", "0x10 0+1x10", 16, 10, ACTOR),
    "EssActorSilent": Case(
        {
            f"ess_actor_report_age_seconds{{{I},{ACTOR}}}": "1x5 70+60x10",
            f"ess_actor_up{{{I},{ACTOR}}}": "1x30",
        },
        5,
        8,
        ACTOR,
    ),
    "EssDeviceStale": one("ess_point_age_seconds", "1x5 60+60x10", 8, 5, DEVICE),
    "EssDeviceTaken": one("ess_device_taken", "0x5 1+0x10", 8, 5, DEVICE),
    "EssDeviceErrors": Case(
        {
            f'ess_modbus_requests_total{{{I},{DEVICE},result="ok"}}': "0+90x40",
            f'ess_modbus_requests_total{{{I},{DEVICE},result="timeout"}}': "0x10 0+10x30",
        },
        9,
        20,
        DEVICE,
    ),
    "EssDeviceSlow": Case(
        {
            f'ess_modbus_request_duration_seconds_bucket{{{I},{DEVICE},le="0.5"}}': "0+100x10 1000x30",
            f'ess_modbus_request_duration_seconds_bucket{{{I},{DEVICE},le="1.0"}}': "0+100x40",
            f'ess_modbus_request_duration_seconds_bucket{{{I},{DEVICE},le="+Inf"}}': "0+100x40",
        },
        9,
        25,
        DEVICE,
    ),
    "EssMessagesSlow": Case(
        {
            f'ess_message_latency_seconds_bucket{{{I},{ACTOR},le="0.25"}}': "0+100x10 1000x30",
            f'ess_message_latency_seconds_bucket{{{I},{ACTOR},le="0.5"}}': "0+100x40",
            f'ess_message_latency_seconds_bucket{{{I},{ACTOR},le="+Inf"}}': "0+100x40",
        },
        9,
        20,
        ACTOR,
    ),
    "EssMessagesDropped": one("ess_messages_dropped_total", "_x5 1x10", 8, 4, 'actor="ess_1",reason="full"'),
    "EssReceiverBehind": one("ess_messages_waiting", "10x5 300x10", 8, 5, ACTOR),
    "EssForeignFrames": one("ess_messages_refused_total", "0x5 0+1x10", 8, 4, ACTOR),
    "EssSafeState": one("ess_safe_state", "0x5 1x10", 7, 4, 'device="pcs",reason="lease"'),
    "EssRecordsLost": one("ess_records_lost_total", "0x5 0+1x10", 8, 4, 'actor="store"'),
    "EssStoreProblem": one("ess_store_problem", "0x5 1x10", 8, 4, 'actor="store"'),
    "EssDiskLow": one("ess_state_free_bytes", "9e9x5 4e8x10", 9, 5),
    "EssDiskFillsUp": one("ess_state_free_bytes", "9e9-5e6x600", 500, 5, 'actor="store"'),
    "EssCommitsLate": one("ess_commits_late_total", "0x5 0+2x20", 12, 5, ACTOR),
    "EssFaultActive": summed("ess_alarms_active", "0x5 1x10", 8, 4, 'actor="ess_1/alarms",severity="fault"'),
    "EssAlarmActive": summed("ess_alarms_active", "0x5 2x10", 8, 5, 'actor="ess_1/alarms",severity="alarm"'),
    "EssClearIncomplete": one(
        "ess_clear_faults_total", "0x5 1x10", 7, 4, 'actor="ess_1/alarms",result="incomplete"'
    ),
    "EssCpuHigh": Case(
        {
            f'ess_actor_cpu_seconds_total{{{I},actor="{name}"}}': "0+6x10 60+21x40"
            for name in ("ess_1", "ess_2")
        },
        9,
        40,
    ),
    "EssActorCpuHigh": one("ess_actor_cpu_seconds_total", "0+6x10 60+57x40", 40, 10, ACTOR),
    "EssMemoryGrows": one("ess_actor_resident_memory_bytes", "50e6x60 50e6+1e5x600", 500, 60, ACTOR),
    "EssApiErrors": summed("ess_http_requests_total", "0x5 0+5x20", 14, 6, 'actor="web",code="504"'),
    "EssApiRefusals": summed("ess_http_requests_total", "0x5 0+5x20", 14, 6, 'actor="web",code="401"'),
    "EssListenersMany": summed("ess_listeners", "10x5 60x20", 14, 8, 'actor="web"'),
    "EssBlockedMessages": one("ess_messages_blocked_total", "0+60x10 600+6000x20", 25, 9, ACTOR),
    "EssAlarmFlood": one("ess_alarm_flood", "0x5 1x5", 7, 4),
    "EssAlarmsUnacknowledged": one("ess_alarms_unacknowledged", "0x5 2x30", 22, 18),
    "EssCriticalUnacknowledged": summed(
        "ess_alarm_active", "0x5 1x10", 9, 6, 'priority="critical",state="unacknowledged_active"'
    ),
    "EssAlarmsUnknown": one("ess_alarms_unknown", "0x5 1x10", 8, 5),
    "EssAlarmRateHigh": one("ess_alarms_per_operator_hour", "5x5 20x80", 70, 60),
    "EssAlarmsChattering": one("ess_alarms_chattering", "0x5 1x30", 18, 12),
    "EssAlarmsStale": one("ess_alarms_stale", "3x5 4x80", 70, 60),
    "EssAlarmsSilenced": Case(
        {f"ess_alarms_shelved{{{I}}}": "3x5 4x80", f"ess_alarms_out_of_service{{{I}}}": "2x85"}, 60, 70
    ),
    "EssHistoryDropped": one("ess_history_dropped_total", "_x5 1x10", 8, 4, 'actor="history",reason="slow"'),
    "EssHistoryStopped": Case(
        {
            f'ess_history_samples_total{{{I},actor="history"}}': "0+100x10 1000x40",
            f'ess_history_waiting{{{I},actor="history"}}': "5x50",
        },
        15,
        40,
        'actor="history"',
    ),
    "EssHistorySlow": Case(
        {
            f'ess_history_write_seconds_bucket{{{I},actor="history",le="1.0"}}': "0+100x10 1000x30",
            f'ess_history_write_seconds_bucket{{{I},actor="history",le="2.5"}}': "0+100x40",
            f'ess_history_write_seconds_bucket{{{I},actor="history",le="+Inf"}}': "0+100x40",
        },
        9,
        25,
        'actor="history"',
    ),
}

HEALTHY: dict[str, str] = {
    f"up{{{I}}}": "1x60",
    f"ess_ready{{{I}}}": "1x60",
    f"ess_actor_up{{{I},{ACTOR}}}": "1x60",
    f"ess_actor_failed{{{I},{ACTOR}}}": "0x60",
    f"ess_actor_restarts_total{{{I},{ACTOR}}}": "3x60",
    f"ess_actor_report_age_seconds{{{I},{ACTOR}}}": "0.4x60",
    f"ess_actor_cpu_seconds_total{{{I},{ACTOR}}}": "0+3x60",
    f"ess_actor_resident_memory_bytes{{{I},{ACTOR}}}": "50e6x60",
    f"ess_point_age_seconds{{{I},{DEVICE}}}": "1.1x60",
    f"ess_device_taken{{{I},{DEVICE}}}": "0x60",
    f'ess_modbus_requests_total{{{I},{DEVICE},result="ok"}}': "0+90x60",
    f'ess_safe_state{{{I},{DEVICE},reason="start"}}': "0x60",
    f'ess_alarms_active{{{I},actor="ess_1/alarms",severity="fault"}}': "0x60",
    f"ess_messages_blocked_total{{{I},{ACTOR}}}": "0+900x60",
    f'ess_state_free_bytes{{{I},actor="store"}}': "80e9x60",
    f'ess_store_problem{{{I},actor="store"}}': "0x60",
    f'ess_http_requests_total{{{I},actor="web",code="200"}}': "0+60x60",
}
