"""What waits for a slow receiver: order, the window, what may be left out, and what was lost."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.flow import FRAMES, MOST_WAITING, STALL_S, TAKEN_EVERY, WINDOW, Flow, Parcel
from ess_actors.core.messages import Message, to_wire


def frames(count, method="set", first=0):
    return [to_wire(Message(method, f"/t/{first + n}"), "ess_1", 0.0) for n in range(count)]


def uris(parcels: list[Parcel]) -> list[str]:
    return [str(frame[4]) for parcel in parcels for frame in parcel.frames]


def test_what_a_quick_receiver_gets_goes_at_once():
    flow = Flow("web", 0.0)
    assert [len(p.frames) for p in flow.offer(frames(FRAMES + 1), 0.0)] == [FRAMES, 1]
    assert len(flow) == 0


def test_a_receiver_that_takes_nothing_gets_no_more_than_the_window():
    flow = Flow("web", 0.0)
    under_way = [p for n in range(100) for p in flow.offer(frames(1, first=n), 0.0)]
    assert len(under_way) == WINDOW
    assert len(flow) == 100 - WINDOW
    # Half of the window is free again: what waited goes in as few parcels as possible.
    more = flow.taken(TAKEN_EVERY, 1.0)
    assert uris(under_way + more) == [f"/t/{n}" for n in range(100)]
    assert len(more) == 3


def test_only_publications_are_left_out_the_oldest_first():
    flow = Flow("web", 0.0)
    flow.offer(frames(WINDOW * FRAMES), 0.0)
    flow.offer(frames(MOST_WAITING, "pub"), 0.0)
    flow.offer(frames(500, "set", first=MOST_WAITING), 0.0)
    assert (len(flow), flow.shed) == (MOST_WAITING, 500)
    flow.offer(frames(MOST_WAITING, "set"), 0.0)
    flow.offer(frames(1, "set"), 0.0)
    assert (len(flow), flow.shed) == (MOST_WAITING + 501, MOST_WAITING)


def test_a_receiver_that_lost_everything_is_tried_again_after_the_stall_time():
    flow = Flow("web", 0.0)
    flow.offer(frames(WINDOW * FRAMES + 1), 0.0)
    assert flow.retry(STALL_S - 0.1) == []
    assert uris(flow.retry(STALL_S)) == ["/t/512"]
    assert flow.retry(STALL_S * 9) == []


def test_a_receiver_that_nobody_waited_for_has_its_whole_time_from_the_first_that_waits():
    flow = Flow("web", 0.0)
    for n in range(WINDOW):  # the last of them was not taken yet: nobody asks who has few
        flow.offer(frames(1, first=n), 0.1 * n)
    flow.offer(frames(1, first=WINDOW), 100.0)
    assert flow.retry(100.0 + STALL_S - 0.1) == []
    assert uris(flow.retry(100.0 + STALL_S)) == [f"/t/{WINDOW}"]


def test_nothing_is_kept_of_what_was_sent():
    flow = Flow("web", 0.0)
    flow.offer(frames(WINDOW), 0.0)
    for n in range(WINDOW * FRAMES):
        flow.offer([to_wire(Message("pub", f"/components/c{n}", b'{"a": 1}'), "web", 0.0)], 0.0)
    while len(flow):
        flow.retry(1e9)
        flow.taken(flow._sent, 0.0)
    assert not flow._readings


def test_an_answer_of_parcels_never_sent_opens_no_more_than_the_window():
    flow = Flow("web", 0.0)
    flow.taken(1000, 0.0)
    assert len([p for n in range(100) for p in flow.offer(frames(1), 0.0)]) == WINDOW


@given(st.lists(st.one_of(st.integers(1, 80), st.just("take"))))
def test_everything_arrives_once_and_in_order_and_the_window_holds(steps):
    flow, wire, arrived, offered, taken = Flow("web", 0.0), deque(), [], 0, 0

    def deliver() -> None:
        nonlocal taken
        parcel = wire.popleft()
        arrived.extend(uris([parcel]))
        if parcel.number % TAKEN_EVERY == 0:
            taken = parcel.number
            wire.extend(flow.taken(taken, 0.0))

    for step in steps:
        if step != "take":
            wire.extend(flow.offer(frames(step, first=offered), 0.0))
            offered += step
        elif wire:
            deliver()
        assert not wire or wire[-1].number - taken <= WINDOW
    while wire:
        deliver()
    assert arrived == [f"/t/{n}" for n in range(offered)]


def reading(body: bytes, uri: str = "/components/bms_1", quality=None):
    return to_wire(Message("pub", uri, body, quality=quality), "ess_1", 0.0)


def test_a_reading_that_waits_gives_way_to_a_newer_one_that_tells_as_much():
    flow = Flow("web", 0.0)
    flow.offer(frames(WINDOW * FRAMES), 0.0)
    slow, fast = b'{"soc":1,"life":1}', b'{"life":2}'
    for body in (slow, fast, b'{"life":3}', b'{"life":4}'):
        flow.offer([reading(body)], 0.0)
    flow.offer([reading(b'{"life":5}', quality={"life": 1}), reading(b'{"x":1}', "/status/bms_1")], 0.0)
    flow.offer([reading(b'{"x":1}', "/status/bms_1"), *frames(1)], 0.0)
    assert flow.shed == 2
    (parcel,) = flow.taken(WINDOW * FRAMES, 1.0)
    bodies = [frame[5] for frame in parcel.frames]
    assert bodies == [slow, b'{"life":4}', b'{"life":5}', b'{"x":1}', b'{"x":1}', b""]
    assert flow.shed == 2 and len(flow) == 0
