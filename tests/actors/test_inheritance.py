"""What a forked process inherits from a supervising actor: once, whole, and only when it was meant for it."""

import gc
import os

from ess_actors.actors.inheritance import bequeathed, inherited
from ess_actors.core.control import Configure


def in_a_child(question):
    """What `question` writes in a forked process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, repr(question()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return text


def told(name):
    return Configure(name, 3, {"documents": name}, "/state", None, ("a", "b"))


def test_a_process_forked_meanwhile_has_it_once():
    with bequeathed(told("a")):
        assert in_a_child(lambda: (inherited(), inherited())) == repr((told("a"), None))


def test_one_forked_before_or_after_has_nothing():
    assert in_a_child(inherited) == "None"
    with bequeathed(told("a")):
        pass
    assert in_a_child(inherited) == "None"


def test_a_child_hands_on_its_own_and_not_what_it_had():
    def parent():
        inherited()
        nothing = in_a_child(inherited)
        with bequeathed(told("b")):
            return nothing, in_a_child(lambda: inherited().actor_id)

    with bequeathed(told("a")):
        assert in_a_child(parent) == repr(("None", repr("b")))


def test_an_error_at_the_start_leaves_nothing_for_the_next():
    try:
        with bequeathed(told("a")):
            raise OSError
    except OSError:
        pass
    assert in_a_child(inherited) == "None"


def test_the_parents_objects_are_no_business_of_the_childs_collector():
    with bequeathed(told("a")):
        frozen, young = eval(
            in_a_child(lambda: (inherited() and gc.get_freeze_count(), len(gc.get_objects())))
        )
    assert frozen > 10 * young
