"""Crash points swept: actor, store or both die at every single step of a story, and nothing that was told is lost."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Final, cast

import pytest

from ess_actors.actors import store_link
from ess_actors.actors.base import TreeActor
from ess_actors.actors.store_link import StoreLink
from ess_actors.core.audit import Entry
from ess_actors.core.journaled import Commit, Committed, Missed
from ess_actors.core.messages import Message
from ess_actors.store.audit import verify_file
from ess_actors.store.journal import Journal, open_journal
from ess_actors.store.states import read_state

WALL: Final = 1_700_000_000.0
ACTOR: Final = "ess_1"
KEYS: Final = 3

STORY: Final = (
    # one transition from its beginning to its end
    *("transition", "deliver", "write", "answer"),
    # more than may be under way, an audit row among them, and answers that come late
    *("transition", "transition", "audit", "deliver", "transition", "deliver", "write", "transition"),
    *("transition", "transition", "answer", "deliver", "deliver", "write", "answer", "answer"),
    # a disk that is full for a while
    *("disk full", "transition", "deliver", "write", "transition", "deliver", "write", "disk free", "write"),
    *("answer", "answer", "answer", "deliver", "write", "answer", "transition", "deliver"),
)


class Story:
    """The real link and ledger of an actor and the real journal of a store; between them wires that are cut."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.published: list[int] = []
        self.audited = 0
        self.number = 0
        self.lives = 0
        self.generation = 0
        """Of the store, as the supervisor counts it."""
        self.full = False
        self.in_sender: list[tuple[int, Commit]] = []
        """On their way: the generation of the store they are addressed to."""
        self.in_store: list[Commit] = []
        self.answers: list[tuple[int, Committed]] = []
        self.back: list[tuple[int, Committed | Missed]] = []
        """Answers on their way, with the actor's life they are addressed to."""
        self.journal: Journal
        self._store_starts()
        self._actor_starts()

    # --- processes --------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return self.folder / str(self.generation) / "journal.sqlite"

    def _store_starts(self) -> None:
        before = self.path
        self.generation += 1
        if self.generation > 1:
            if not self.path.parent.exists():
                _leave(before.parent, self.path.parent)
            self.journal._database.close()
        self.journal, notice = open_journal(self.path, WALL)
        assert notice == ""
        # Processes die here, not the machine: nothing has to reach the disk.
        self.journal._database.execute("PRAGMA synchronous = OFF")
        self._fill()
        self.in_store, self.answers = [], []
        # Nothing half: what was written are whole transactions, with the state that belongs to the records.
        rows = self.rows()
        assert len(rows) == len(set(rows))
        assert set(self.published) <= set(rows)
        assert verify_file(self.path)[0] == []

    def _fill(self) -> None:
        (pages,) = self.journal._database.execute("PRAGMA page_count").fetchone()
        most = pages if self.full else 1_000_000
        self.journal._database.execute(f"PRAGMA max_page_count = {most}")

    def _actor_starts(self) -> None:
        self.lives += 1
        found, problem = read_state(self.path, ACTOR)
        assert problem == ""
        self.state = found
        # What others were told of, the next life knows of.
        told = max(self.published, default=0)
        assert max((int(str(value)) for value in found.values()), default=0) >= told
        life, generation = self.lives, self.generation
        self.known = generation
        actor = SimpleNamespace(
            actor_id=ACTOR,
            _router=SimpleNamespace(
                entry=lambda _: SimpleNamespace(generation=self.known, address=self.known)
            ),
            send=lambda address, commit: self.in_sender.append((address, commit)),
            wake_at=lambda at, what: None,
        )

        def emit(messages: list[Message]) -> None:
            assert life == self.lives, "the dead publish nothing"
            self.published += [_number(message.body.decode()) for message in messages]

        self.link = StoreLink(cast(TreeActor, actor), emit, lambda: dict(self.state))
        self.link.on_directory()

    # --- steps ------------------------------------------------------------------------------------------------

    def step(self, what: str) -> None:
        match what:
            case "transition":
                self.number += 1
                key, other = f"k{self.number % KEYS}", f"k{(self.number + 1) % KEYS}"
                changes: Mapping[str, object] = {key: self.number}
                if self.number % 4 == 0:
                    changes = {key: self.number, other: None}
                self.state.update(changes)
                self.state = {key: value for key, value in self.state.items() if value is not None}
                self.link.publish([Message("pub", f"/alarm_router/{ACTOR}", _body(self.number))], changes)
            case "audit":
                self.audited += 1
                self.link.keep(Entry(WALL, "api", "", f"/t/{self.audited}", "", "1", "ok"))
            case "deliver" if self.in_sender:
                address, commit = self.in_sender.pop(0)
                if address == self.generation:  # what goes to a process that is dead is lost
                    self.in_store.append(commit)
                    self.answers.append((self.lives, Committed(*commit[:3])))
            case "write":
                fresh, self.in_store = self.in_store, []
                self.journal.append((), fresh)
                if self.journal.waiting == 0:
                    missed = self.journal.missed
                    self.back += [(life, Missed(*a) if a in missed else a) for life, a in self.answers]
                    self.answers = []
            case "answer" if self.back:
                life, told = self.back.pop(0)
                if life == self.lives:
                    self.link.on_control(told)
            case "commit lost" if self.in_sender:
                self.in_sender.pop(0)
            case "commit late" if self.in_sender:
                self.in_sender.append(self.in_sender.pop(0))
            case "disk full" | "disk free":
                self.full = what == "disk full"
                self._fill()
            case "store dies":
                self._store_starts()
            case "store dies before COMMIT" | "store dies after COMMIT":
                self._die_in_write(before=what.endswith("before COMMIT"))
                self._store_starts()
            case "actor hears of it":
                self.known = self.generation
                self.link.on_directory()
            case "actor dies":
                self._actor_starts()

    def _die_in_write(self, *, before: bool) -> None:
        """Keep what the store would leave in the middle of this write, for its next life to begin with."""
        journal, target = self.journal, self.folder / str(self.generation + 1)

        def leave(*_: object) -> str:
            if not target.exists():
                _leave(self.path.parent, target)
            return ""

        with pytest.MonkeyPatch.context() as patch:
            if before:
                journal._database.set_trace_callback(lambda sql: leave() if sql == "COMMIT" else None)
            else:
                patch.setattr(journal._chain, "keep_head", leave)
            journal.append((), self.in_store)

    def finish(self) -> None:
        """Everybody lives and all that waits goes its way."""
        self.step("disk free")
        self.step("actor hears of it")
        # A later commit shows that one is missing.
        for what in ("transition", ""):
            self.step(what)
            for _ in range(8):
                for what in ("deliver", "write", "answer"):
                    for _ in range(4):
                        self.step(what)

    def rows(self) -> list[int]:
        """Bodies of the journal, oldest first."""
        return [_number(row["body"]) for row in reversed(self.journal.recent(1000))]


def _body(number: int) -> bytes:
    """Large enough that a full disk has no room for one."""
    return b'"%d%s"' % (number, b"x" * 6000)


def _number(body: object) -> int:
    return int(str(body).strip('"').rstrip("x"))


def _leave(folder: Path, target: Path) -> None:
    """What a process that is killed leaves: the file and its log as they are at this moment."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*-shm"))


STORE_DIES: Final = ("store dies", "store dies before COMMIT", "store dies after COMMIT")
CRASHES: Final = (
    *([death, "actor hears of it"] for death in STORE_DIES),
    *([death, *([""] * 3), "actor hears of it"] for death in STORE_DIES),
    ["actor dies"],
    *(["actor dies", death, "actor hears of it"] for death in STORE_DIES),
    *([death, "actor dies"] for death in STORE_DIES),
    ["commit lost"],
    ["commit late"],
    ["commit lost", "store dies", "actor hears of it"],
    ["commit late", "", "store dies", "actor hears of it"],
)
"""What is done at a step, "" = the next step of the story in between: the actor hears later of the store's death."""


def _tell(story: Story, *crashes: tuple[int, list[str]]) -> None:
    """The story from its beginning to its end, with each of these begun before so many steps of it."""
    extra: dict[int, list[str]] = {}
    for at, steps in crashes:
        for step in steps:
            if step:
                extra.setdefault(min(at, len(STORY)), []).append(step)
            else:
                at += 1
    for at, what in enumerate([*STORY, ""]):
        for step in [*extra.get(at, ()), what]:
            story.step(step)
    story.finish()


def _none_is_lost(story: Story, *, sender_lived: bool) -> None:
    rows, wanted = story.rows(), list(range(1, story.number + 1))
    assert len(rows) == len(set(rows))
    assert story.published == sorted(story.published)
    assert [n for n in rows if n in set(story.published)] == story.published
    found, _ = read_state(story.path, ACTOR)
    assert found == story.state
    if sender_lived:
        assert rows == story.published == wanted
        assert found == _replayed(rows)
        assert len(story.journal.audited(99)) == story.audited
    assert verify_file(story.path)[0] == []
    story.journal.close()


def _replayed(rows: list[int]) -> dict[str, object]:
    """The state that the journal tells of."""
    state: dict[str, object] = {}
    for number in rows:
        state[f"k{number % KEYS}"] = number
        if number % 4 == 0:
            state.pop(f"k{(number + 1) % KEYS}", None)
    return state


@pytest.fixture(autouse=True)
def time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody loses patience with the store, however slow this machine is; each life has its number."""
    lives = iter(range(1, 1_000_000))
    clock = SimpleNamespace(monotonic=lambda: 1.0, time=lambda: WALL, time_ns=lambda: next(lives))
    monkeypatch.setattr(store_link, "time", clock)


def test_the_story_itself_publishes_all_of_it(tmp_path: Path) -> None:
    story = Story(tmp_path)
    _tell(story)
    assert story.number == 11 and story.generation == 1
    _none_is_lost(story, sender_lived=True)


@pytest.mark.parametrize("steps", CRASHES, ids=" ".join)
def test_a_crash_at_every_step_loses_nothing_that_was_told(tmp_path: Path, steps: list[str]) -> None:
    for at in range(len(STORY) + 1):
        story = Story(tmp_path / str(at))
        _tell(story, (at, steps))
        _none_is_lost(story, sender_lived="actor dies" not in steps)


@pytest.mark.parametrize("first", range(0, len(STORY), 4))
def test_nor_do_two_crashes(tmp_path: Path, first: int) -> None:
    """Every second step as the second one; the kinds take turns so that each meets each."""
    for turn, second in enumerate(range(first, len(STORY), 2)):
        one, other = CRASHES[(turn + first) % len(CRASHES)], CRASHES[(3 * turn + first) % len(CRASHES)]
        story = Story(tmp_path / str(second))
        _tell(story, (first, one), (second, other))
        _none_is_lost(story, sender_lived="actor dies" not in (*one, *other))
