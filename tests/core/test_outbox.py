"""All an actor sends: who is in a hurry has it at once, who is patient gets parcels, nobody gets it out of order."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.control import Taken
from ess_actors.core.flow import FRAMES, TAKEN_EVERY, WINDOW, Parcel
from ess_actors.core.history_order import LATE_S, InOrder
from ess_actors.core.messages import Frame, Message, to_wire
from ess_actors.core.outbox import PATIENCE_S, Outbox


def frame(number: int, uri: str = "/components/c") -> Frame:
    return to_wire(Message("pub", uri, b"%d" % number), "history", float(number))


def numbers(parcels: list[Parcel]) -> list[list[int]]:
    return [[int(str(one[2]).removesuffix(".0")) for one in parcel.frames] for parcel in parcels]


def test_what_is_gathered_goes_after_a_second_in_one_parcel() -> None:
    outbox = Outbox()
    assert outbox.due is None
    for number in range(5):
        assert outbox.gather("history", [frame(number)], 10.0 + number / 10) == []
    assert outbox.due == 10.0 + PATIENCE_S
    ((receiver, parcels),) = outbox.release(11.0)
    assert (receiver, numbers(parcels), outbox.due) == ("history", [[0, 1, 2, 3, 4]], None)
    assert list(outbox.release(12.0)) == []


def test_what_a_former_process_has_taken_opens_nothing_for_its_successor() -> None:
    outbox = Outbox()
    sent = [outbox.offer("ess_1", [frame(number)], 1.0) for number in range(WINDOW)]
    outbox.gone("ess_1")
    again = [outbox.offer("ess_1", [frame(number)], 2.0) for number in range(WINDOW + 1)]
    assert again[-1] == []
    assert outbox.taken(Taken("ess_1", 1, TAKEN_EVERY, sent[0][0].flow), 3.0) == []
    assert numbers(outbox.taken(Taken("ess_1", 2, TAKEN_EVERY, again[0][0].flow), 3.0)) == [[WINDOW]]


def test_a_full_parcel_does_not_wait() -> None:
    outbox = Outbox()
    sent = [numbers(outbox.gather("history", [frame(number)], 0.0)) for number in range(FRAMES)]
    assert sent[:-1] == [[]] * (FRAMES - 1) and sent[-1] == [list(range(FRAMES))]


def test_readings_of_one_component_that_are_gathered_are_all_kept() -> None:
    outbox = Outbox()
    outbox.gather("history", [frame(number) for number in range(10)], 0.0)
    ((_, parcels),) = outbox.release(1.0)
    assert numbers(parcels) == [list(range(10))] and outbox.shed() == 0


def test_an_order_goes_at_once_and_behind_what_was_gathered_before_it() -> None:
    outbox = Outbox()
    outbox.gather("history", [frame(1), frame(2)], 0.0)
    assert numbers(outbox.offer("history", [frame(3)], 0.1)) == [[1, 2, 3]]
    assert numbers(outbox.offer("ess_1", [frame(4)], 0.1)) == [[4]]


def test_one_that_is_gone_gets_nothing_and_its_messages_are_counted() -> None:
    outbox = Outbox()
    outbox.gather("history", [frame(1), frame(2)], 0.0)
    assert outbox.gone("history") == 2 and list(outbox.release(1.0)) == []
    assert outbox.gone("nobody") == 0 and len(outbox) == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 3), st.sampled_from(["/a", "/b"])), max_size=40))
def test_times_of_a_uri_go_on_and_nothing_is_lost(made: list[tuple[float, float, str]]) -> None:
    """Each is made at one time and arrives a while later; some too late for their place."""
    order, taken = InOrder(), []
    arriving = sorted((at + late, at, uri) for at, late, uri in made)
    for now in [*(float(n) for n in range(105)), 200.0]:
        while arriving and arriving[0][0] <= now:
            _, at, uri = arriving.pop(0)
            order.put(Message("pub", uri), at)
        taken += [(message.uri, at) for message, at in order.take(now - LATE_S)]
    assert len(taken) == len(made) and len(order) == 0
    for uri in ("/a", "/b"):
        times = [at for one, at in taken if one == uri]
        assert all(later - at >= 0.0009 for at, later in pairwise(times)), "told apart in milliseconds"
        if all(late <= PATIENCE_S / 2 for _, late, _ in made):
            own = sorted(at for at, _, one in made if one == uri)
            assert all(abs(at - one) < 0.05 for at, one in zip(times, own, strict=True)), (
                "each at its own time"
            )
    assert all(later > at - 0.05 for (_, at), (_, later) in pairwise(taken)), "and nearly in order over all"
