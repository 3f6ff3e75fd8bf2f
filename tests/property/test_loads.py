"""Any rows, in any order and any batches: silver, state, rejects and counters equal the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.loads import Fleet, fleet_on
from tests.model import CYCLES, OTHER_FACTS, Fact, Key, Row, key_of
from tests.property.profile import SEED, cases
from tests.servers.at_hand import Server
from tests.v1 import query, run

# The hours around a change to daylight saving in New York, where the instants are close enough to
# meet, and not on whole seconds.
START = datetime(2024, 3, 10, 4, 30, tzinfo=UTC)
STEP = timedelta(seconds=1800.25)
LENGTHS = (0, 0.5, 1.5, 4.499, 4.5, 900, 1800.25, 7000, 40_000)
LATE_WINDOW = timedelta(hours=1)
MACHINES = (1, 2, 3, 4)
# Most rows are one machine's: a stitch needs several cycles that are near each other.
BUSY = (1, 1, 1, 1, 2, 2, 3, 4)
# Far from the others, at an edge, or in another chunk; and around a midnight in India.
FAR = (
    datetime(1970, 1, 1, tzinfo=UTC),
    *(START + timedelta(days=days) for days in (-30, -2, 3, 9)),
    datetime(2024, 3, 9, 18, 29, 59, tzinfo=UTC),
    datetime(2024, 3, 9, 18, 30, tzinfo=UTC),
    datetime(2199, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
)
LONGEST = timedelta(days=24855)
STRANGER = "a gateway of somebody else"
UNKNOWN = (0, 999, -1, 2**40)
OUT_OF_RANGE = (
    *("infinity", "-infinity", "294276-12-31 23:59:59.999999+00", "4714-11-24 00:00:00+00 BC"),
    datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2200, 1, 1, tzinfo=UTC),
)
EDGES = (2147483647.4, 2147483647.5, -2147483648.4, -2147483648.5)
DECIMAL_EDGES = (999999999.9994, 999999999.9995, 1e9, -999999999.9995)
HALVES = (0.5, 1.5, 2.5, -0.5, -2.5, 0.49999999999999994, 1.0005, 2.0015, -3.0005, 1e-7)

TEXTS = st.sampled_from(["", "A", "a", "B", "ä", "Z", "日本", "O'1", '"', "O1000", "\n\\"])
VALUES: dict[str, SearchStrategy[Any]] = {
    "text": TEXTS,
    "integer": st.integers(-3, 9) | st.sampled_from([2**31 - 1, -(2**31)]),
    "count": st.sampled_from(HALVES + EDGES[::2]) | st.floats(-1e6, 1e6),
    "decimal": st.sampled_from(HALVES + DECIMAL_EDGES[:1]) | st.floats(-1e8, 1e8),
    "code": st.sampled_from([1, 2, 3, 17, 2**40]),
}
NO_NUMBERS = [float("nan"), float("inf"), float("-inf"), 1e300]
POISON: dict[str, SearchStrategy[Any]] = {
    "integer": st.sampled_from([2**31, -(2**31) - 1, 2**62]),
    "count": st.sampled_from([*NO_NUMBERS, *EDGES[1::2]]),
    "decimal": st.sampled_from([*NO_NUMBERS, *DECIMAL_EDGES[1:]]),
}


@dataclass(frozen=True)
class Case:
    """Rows split into runs, what silver held before, and the size of a batch."""

    history: dict[Key, dict[str, Any]]
    runs: list[list[Row]]
    batch_size: int


def _instants() -> SearchStrategy[datetime]:
    near = st.integers(0, 11).map(lambda n: START + n * STEP)
    return st.integers(0, 7).flatmap(lambda n: st.sampled_from(FAR) if n == 0 else near)


@st.composite
def _rows(
    draw: DrawFn, fact: Fact, at: datetime | None = None, one_bad_in: int = 5
) -> dict[str, Any]:
    """A row that can be loaded, or, one time in so many, one with a fault or several."""
    row: dict[str, Any] = {
        "machine_iot_id": draw(st.sampled_from(MACHINES if at else BUSY)),
        fact.instant: at or draw(_instants()),
        # Late: before the hour that a sweep looks back. Early: a clock that is ahead.
        "time": draw(
            st.sampled_from([None, None, None, *(timedelta(hours=h) for h in (-50, -2, 1))])
        ),
    }
    if row["time"] is not None:
        row["time"] += datetime.now(UTC)
    if draw(st.integers(1, 10)) == 1:
        row["device_id"] = STRANGER
    if fact.key:
        row[fact.key] = draw(
            st.sampled_from(["A", "a", "ä", *([None] if fact.key_may_miss else "")])
        )
    for name, kind in fact.own.items():
        if kind == "end":
            length = draw(st.none() | st.sampled_from(LENGTHS))
            row[name] = None if length is None else row[fact.instant] + timedelta(seconds=length)
        else:
            row[name] = draw(st.none() | VALUES[kind])
    if "down_id" in fact.own:
        row["down_code"] = draw(st.none() | st.sampled_from(["NO TOOL", "Störung", "no tool", "?"]))
    if draw(st.integers(1, one_bad_in)) == 1:
        # Of several faults it matters which one is named.
        for _ in range(draw(st.sampled_from([1, 1, 3]))):
            _spoil(draw, fact, row)
    return row


def _spoil(draw: DrawFn, fact: Fact, row: dict[str, Any]) -> None:
    own = [name for name, kind in fact.own.items() if kind in (*POISON, "end")]
    at = draw(
        st.sampled_from(["machine_iot_id", fact.instant, *([fact.key] if fact.key else []), *own])
    )
    if at == "machine_iot_id":
        row[at] = draw(st.sampled_from(UNKNOWN))
    elif at == fact.instant:
        row[at] = draw(st.none() | st.sampled_from(OUT_OF_RANGE))
    elif at == fact.key:
        row[at] = None
    elif fact.own[at] == "end":
        # The last of these is as long as can be, and no fault.
        start = row[fact.instant] if isinstance(row[fact.instant], datetime) else START
        tick = timedelta(microseconds=1)
        ends = [start + length for length in (-tick, LONGEST + tick, LONGEST)]
        row[at] = draw(st.sampled_from(["infinity", "-infinity", *ends]))
    else:
        row[at] = draw(POISON[fact.own[at]])


@st.composite
def _histories(draw: DrawFn, fact: Fact) -> dict[Key, dict[str, Any]]:
    """Rows of silver that a load did not write: their values need not make sense."""
    history: dict[Key, dict[str, Any]] = {}
    keys = [st.sampled_from(MACHINES[:2]), _instants()]
    if fact.key:
        keys.append(st.sampled_from(["A", "ä", *([""] if fact.key_may_miss else [])]))
    for key in draw(st.lists(st.tuples(*keys), max_size=5, unique=True)):
        history[key] = draw(_known(fact, key[1], st.none() | st.sampled_from((-60.0, *LENGTHS))))
    return history


@st.composite
def _known(
    draw: DrawFn, fact: Fact, instant: datetime, lengths: SearchStrategy[float | None]
) -> dict[str, Any]:
    """A row of silver at an instant, which may be as long as one of the lengths."""
    row: dict[str, Any] = {
        "logical_date": date(2024, 1, draw(st.integers(1, 9))),
        "company_iot_id": 1,
        "shift_id": draw(st.integers(0, 9)),
        "shift_name": draw(st.none() | TEXTS),
    }
    for name, kind in fact.own.items():
        if kind == "end":
            length = draw(lengths)
            row[name] = None if length is None else instant + timedelta(seconds=length)
        elif kind == "decimal":
            row[name] = draw(
                st.none() | st.integers(-(10**6), 10**6).map(lambda n: Decimal(n) / 1000)
            )
        else:
            row[name] = draw(st.none() | (TEXTS if kind == "text" else st.integers(-3, 9)))
    if fact is CYCLES:
        row["actual_load_unload"] = draw(st.none() | st.integers(-5, 99))
        row["actual_cycle_time"] = draw(st.none() | st.integers(-5, 99))
    return row


@st.composite
def _cases(draw: DrawFn, fact: Fact) -> Case:
    size = draw(st.integers(1, 24))
    rows = draw(st.lists(_rows(fact), min_size=size, max_size=size))
    # What is sent once more, by a gateway that reconnects.
    rows += draw(st.lists(st.sampled_from(rows), max_size=3))
    return draw(_split(fact, draw(st.permutations(rows))))


@st.composite
def _orderly_cases(draw: DrawFn, fact: Fact) -> Case:
    """As rows mostly come: in order, with little that is late, bad or repeated."""
    first, size = draw(st.integers(6, 14)), draw(st.integers(4, 40))
    rows = [draw(_rows(fact, START + (first + n) * STEP, 25)) for n in range(size)]
    for _ in range(draw(st.integers(0, 2))):
        row = draw(st.sampled_from(rows))
        if draw(st.booleans()):
            rows.remove(row)
        rows.insert(draw(st.integers(0, len(rows))), row)
    return draw(_split(fact, rows))


@st.composite
def _split(draw: DrawFn, fact: Fact, rows: Sequence[Row]) -> Case:
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    edges = [0, *cuts, len(rows)]
    return Case(
        draw(st.just({}) | _histories(fact)),
        [list(rows[a:b]) for a, b in pairwise(edges)],
        draw(st.integers(1, 7) | st.just(1000)),
    )


@st.composite
def _known_cases(draw: DrawFn, fact: Fact) -> Case:
    """Rows of the few cycles that silver knows, and of one among them, with few ends."""
    starts = [START + n * STEP for n in range(3)]
    ends = st.none() | st.sampled_from(LENGTHS[:5:2])
    rows: list[Row] = []
    for _ in range(draw(st.integers(2, 9))):
        start, length = draw(st.sampled_from(starts)), draw(ends)
        row = draw(_rows(fact, start, 100))
        end = None if length is None else start + timedelta(seconds=length)
        rows.append(row | {"machine_iot_id": 1, "cycle_end": end})
    history = {(1, start): draw(_known(fact, start, ends)) for start in starts[::2]}
    return replace(draw(_split(fact, rows)), history=history)


@pytest.fixture(scope="module")
def fleet(server: Server) -> Iterator[Fleet]:
    with fleet_on(server) as made:
        assert tuple(made.machines) == MACHINES
        yield made


def _check(fleet: Fleet, fact: Fact, case: Case) -> None:
    fleet.clear(fact)
    fleet.remember(fact, case.history)
    ids: list[int] = []
    unknown_codes = 0
    counted = dict.fromkeys(("read", "loaded", "merged", "rejected"), 0)
    newest: datetime | None = None
    for rows in case.runs:
        sent = fleet.send(fact, rows)
        log = fleet.load(fact, batch_size=case.batch_size)
        for name in counted:
            counted[name] += log[f"rows_{name}"]
        unknown_codes += log["rows_unknown_code"]
        ids += sent
        arrivals = fleet.arrivals(fact, sent)
        batches = [arrivals[n : n + case.batch_size] for n in range(0, len(sent), case.batch_size)]
        late = 0
        for batch in batches:
            if newest:
                late += sum(time < newest - LATE_WINDOW for time in batch)
            newest = max([*batch, *([newest] if newest else [])])
        assert (log["batches"], log["rows_late"]) == (len(batches), late)
    rows = [row for run in case.runs for row in run]
    wanted = fleet.expect(fact, rows, case.history)
    note(f"{fact.name}: {case}")
    assert fleet.silver(fact) == wanted.silver
    assert fleet.rejects(fact) == {ids[place]: why for place, why in wanted.rejects.items()}
    assert counted == {
        "read": len(rows),
        "loaded": wanted.loaded,
        "merged": wanted.merged,
        "rejected": len(wanted.rejects),
    }
    if fact is CYCLES:
        assert fleet.state() == wanted.state
    assert unknown_codes == wanted.doubtful_codes


@cases(100)
@given(case=_cases(CYCLES) | _orderly_cases(CYCLES) | _known_cases(CYCLES))
def test_cycles_come_to_what_the_model_says(fleet: Fleet, case: Case) -> None:
    _check(fleet, CYCLES, case)


@pytest.mark.parametrize("fact", OTHER_FACTS, ids=lambda fact: fact.name)
@cases(12)
@given(data=st.data())
def test_facts_come_to_what_the_model_says(fleet: Fleet, fact: Fact, data: st.DataObject) -> None:
    _check(fleet, fact, data.draw(_cases(fact) | _orderly_cases(fact)))


# ------------------------------------------------------------------- sent again, and taken back


@dataclass(frozen=True)
class Resending:
    """Runs of which the first have strangers rejected, and after which runs rows are sent again."""

    runs: list[list[Row]]
    rejecting: int
    resending: set[int]
    batch_size: int


@st.composite
def _resendings(draw: DrawFn, fact: Fact) -> Resending:
    rows = draw(st.lists(_near_rows(fact), min_size=2, max_size=14))
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), min_size=1, max_size=4)))
    runs: list[list[Row]] = [list(rows[a:b]) for a, b in pairwise([0, *cuts, len(rows)])]
    return Resending(
        runs,
        draw(st.integers(1, len(runs))),
        draw(st.sets(st.integers(0, len(runs) - 1))),
        draw(st.integers(1, 4) | st.just(1000)),
    )


@st.composite
def _near_rows(draw: DrawFn, fact: Fact) -> dict[str, Any]:
    """A row of one of four keys, which contradict each other, often of a stranger."""
    row = draw(_rows(fact, START + draw(st.integers(0, 1)) * STEP, 30))
    row["time"] = None
    row["machine_iot_id"] = draw(st.sampled_from(MACHINES[:2]))
    row["device_id"] = draw(st.sampled_from([None, STRANGER]))
    if fact.key:
        row[fact.key] = draw(st.sampled_from(["A", "ä"]))
    return row


def _check_resending(fleet: Fleet, fact: Fact, case: Resending) -> None:
    fleet.clear(fact)
    ids: list[int] = []
    for number, rows in enumerate(case.runs):
        if number == case.rejecting:
            run(fleet.connection, "UPDATE _etl.load_settings SET sender_check = 'count'")
        ids += fleet.send(fact, rows)
        if number in case.resending:
            # While the sender is still wrong, they are rejected anew, and keep their place.
            fleet.resend(fact)
        fleet.load(fact, batch_size=case.batch_size)
    run(fleet.connection, "UPDATE _etl.load_settings SET sender_check = 'count'")
    fleet.resend(fact)
    fleet.load(fact, batch_size=case.batch_size)
    rows = [row for part in case.runs for row in part]
    wanted = fleet.expect(fact, rows, checks_sender=False)
    note(f"{fact.name}: {case}")
    assert fleet.silver(fact) == wanted.silver
    left = query(
        fleet.connection,
        "SELECT first_id, reason_code FROM _etl.rejected_rows"
        " WHERE pipeline = %s AND resent_at IS NULL",
        fact.name,
    )
    assert dict(left) == {ids[place]: why for place, why in wanted.rejects.items()}
    if fact is CYCLES:
        assert fleet.state() == wanted.state


@cases(60)
@given(case=_resendings(CYCLES))
def test_a_cycle_that_is_sent_again_keeps_its_place(fleet: Fleet, case: Resending) -> None:
    _check_resending(fleet, CYCLES, case)


@pytest.mark.parametrize("fact", OTHER_FACTS, ids=lambda fact: fact.name)
@cases(10)
@given(data=st.data())
def test_a_row_that_is_sent_again_keeps_its_place(
    fleet: Fleet, fact: Fact, data: st.DataObject
) -> None:
    _check_resending(fleet, fact, data.draw(_resendings(fact)))


Step = tuple[str, Any]


@st.composite
def _corrections(draw: DrawFn, fact: Fact) -> list[Step]:
    """What arrives, which of the rows that are there is removed or comes back, and which of those
    that were removed is sent again."""
    send = st.tuples(st.just("send"), st.lists(_near_rows(fact), min_size=1, max_size=5))
    remove = st.tuples(st.just("remove"), st.integers(0, 9))
    restore = st.tuples(st.just("restore"), st.integers(0, 9))
    again = st.tuples(st.just("again"), st.integers(0, 9))
    return [draw(send), *draw(st.lists(send | remove | restore | again, min_size=2, max_size=8))]


def _check_corrections(fleet: Fleet, fact: Fact, steps: list[Step]) -> None:
    fleet.clear(fact)
    arrived: list[Row] = []
    removed: set[Key] = set()
    note(f"{fact.name}: {steps}")
    for what, detail in steps:
        there = sorted(set(fleet.silver(fact)))
        if what == "send":
            arrived += detail
            fleet.send(fact, detail)
        elif what == "again" and removed:
            key = sorted(removed)[detail % len(removed)]
            row = [row for row in arrived if key_of(fact, row) == key][-1]
            arrived.append(row)
            fleet.send(fact, [row])
        elif what == "remove" and there:
            key = there[detail % len(there)]
            removed.add(key)
            fleet.remove(fact, key)
        elif what == "restore" and removed:
            key = sorted(removed)[detail % len(removed)]
            removed.remove(key)
            fleet.restore(fact, key)
            fleet.resend(fact, "corrected")
        fleet.load(fact)
        wanted = fleet.expect(fact, [row for row in arrived if key_of(fact, row) not in removed])
        assert fleet.silver(fact) == wanted.silver
        if fact is CYCLES:
            assert fleet.state() == wanted.state


@cases(50)
@given(steps=_corrections(CYCLES))
def test_a_removed_cycle_stays_away_and_its_neighbours_follow(
    fleet: Fleet, steps: list[Step]
) -> None:
    _check_corrections(fleet, CYCLES, steps)


@pytest.mark.parametrize("fact", OTHER_FACTS, ids=lambda fact: fact.name)
@cases(8)
@given(data=st.data())
def test_a_removed_row_stays_away_until_it_is_restored(
    fleet: Fleet, fact: Fact, data: st.DataObject
) -> None:
    _check_corrections(fleet, fact, data.draw(_corrections(fact)))


# --------------------------------------------------------------------------------- planted faults


Fault = tuple[Fact, str, str, str, str]


def _fast(sound: str, faulty: str) -> Fault:
    return CYCLES, "fn_load_new_cycles", sound, faulty, "batches"


def _slow(sound: str, faulty: str, check: str = "batches") -> Fault:
    return CYCLES, "fn_load_other_cycles", sound, faulty, check


def _other(sound: str, faulty: str, check: str = "batches") -> Fault:
    return OTHER_FACTS[1], "fn_load_statement", sound, faulty, check


# What the checks above are good for: each fault planted in a load must be found.
FAULTS = {
    "silver wins over what arrives": _other(
        "= coalesce(excluded.%1$s, t.%1$s)", "= coalesce(t.%1$s, excluded.%1$s)"
    ),
    "null erases": _other("= coalesce(excluded.%1$s, t.%1$s)", "= excluded.%1$s"),
    "the first row of a batch wins": _other(".last(u.", ".first(u."),
    "late rows are lost": _other("r.time < $3", "false"),
    "the last id of a batch is lost": _other("c.last_id END", "$2 END"),
    "a stranger is let in": _other("g.checks_sender AND p.device_id", "false AND p.device_id"),
    "a resent row forgets its place": _other(
        "r.is_open AND r.resent_id = p.id\n        ) END, p.id)",
        "false\n        ) END, p.id)",
        "resending",
    ),
    "what came after a rejected row is not noted": _other(
        "OR g.has_open AND EXISTS", "OR false AND EXISTS", "resending"
    ),
    "what came after a rejected row of its batch is not noted": _other(
        "(v.sent_iot_id, v.{instant}, v.key_part) IN", "false AND (v.sent_iot_id) IN", "resending"
    ),
    "a resent row sets what came after it": _other(
        "= ANY (later.names)", "= ANY (later.names) AND false", "resending"
    ),
    "a removed row comes back": _other(
        "g.has_corrections AND EXISTS", "false AND EXISTS", "corrections"
    ),
    "a gap is not restitched": _slow("AND NOT o.follows_anew", ""),
    "an end that was another for a while is forgotten in a batch": _slow(
        "(i.earliest_end, i.latest_end) IS DISTINCT FROM (n.cycle_end, n.cycle_end)",
        "i.cycle_end IS DISTINCT FROM n.cycle_end",
        "known",
    ),
    "the cache stands still": _slow("WHERE s.is_last", "WHERE s.is_last AND false"),
    "the cache does not go back": _slow(
        "excluded.last_cycle_start >= t.last_cycle_start",
        "excluded.last_cycle_start >= t.last_cycle_start"
        " AND excluded.last_cycle_end > t.last_cycle_end",
    ),
    "the cached end is used for a late cycle": _slow(
        "WHEN i.cycle_start > i.last_cycle_start THEN", "WHEN true THEN"
    ),
    "the last cycle is not looked at": _slow(
        "c.cycle_start IN (i.cycle_start, i.last_cycle_start)", "c.cycle_start = i.cycle_start"
    ),
    "silver wins over a cycle that arrives": _slow(
        "coalesce(i.cycle_end, n.cycle_end) AS", "coalesce(n.cycle_end, i.cycle_end) AS"
    ),
    "the first cycle of a batch wins": _slow(
        "u.program_no ORDER BY u.first_id DESC", "u.program_no ORDER BY u.first_id"
    ),
    "a new machine is not cached": _slow(
        "WHERE s.is_last\n", "WHERE s.is_last AND s.is_known\n"
    ),
    "a refused row is kept without its values": _slow(
        "            b.sent\n", "            '{}'::jsonb\n"
    ),
    "a resent cycle forgets its place": _slow(
        "coalesce(a.first_id, r.id)", "r.id", "resending"
    ),
    "what came after a rejected cycle is not noted": _slow(
        "r.is_open\n                    AND r.machine_iot_id = v.machine_iot_id",
        "false\n                    AND r.machine_iot_id = v.machine_iot_id",
        "resending",
    ),
    "what came after a rejected cycle of its batch is not noted": _slow(
        "v.reason_code IS NULL AND (\n            (v.machine_iot_id, v.cycle_start) IN (",
        "v.reason_code IS NULL AND (\n            false AND (v.machine_iot_id, v.cycle_start) IN (",
        "resending",
    ),
    "a resent cycle sets what came after it": _slow(
        "CASE WHEN v.first_id <> v.id THEN (", "CASE WHEN false THEN (", "resending"
    ),
    "a removed cycle comes back": _slow("THEN 'corrected'", "THEN NULL", "corrections"),
    "what follows a rejected cycle goes the fast path": (
        CYCLES, "fn_disputed_machines", "r.event_time > s.last_cycle_start", "false", "resending",
    ),
    "what follows a removed cycle goes the fast path": (
        CYCLES, "fn_disputed_machines", "c.event_time > s.last_cycle_start", "false",
        "corrections",
    ),
    "the cache stays with a removed cycle": (
        CYCLES, "fn_restitch_cycles", "ORDER BY c.cycle_start DESC\n        LIMIT 1\n    ),",
        "AND false LIMIT 1\n    ),", "corrections",
    ),
    "the gap after a removed cycle stays": (
        CYCLES, "fn_restitch_cycles", "ARRAY[p_cycle_start, v_next]", "ARRAY[p_cycle_start]",
        "corrections",
    ),
    "late cycles go the fast path": _fast("o.cycle_start > m.last_cycle_start", "true"),
    # Silver comes out right all the same: its key refuses the batch, which is halved until it goes.
    "repeated cycles go the fast path": _fast(
        "o.cycle_start IS DISTINCT FROM o.next_start", "true"
    ),
    "the neighbours of refused rows go the fast path": _fast(
        "FILTER (WHERE NOT v.is_valid) AS slow_machines",
        "FILTER (WHERE NOT v.is_valid AND v.cycle_end IS NULL) AS slow_machines",
    ),
    "the fast path forgets the cached end": _fast("THEN m.last_cycle_end ELSE", "THEN NULL ELSE"),
    "the fast path leaves the cache as it was": _fast("AND f.next_start IS NULL", "AND false"),
    "late rows are not counted": _fast("v.time < p_since", "false"),
    "a stranger goes the fast path": _fast("OR m.device_id = o.device_id", "OR true"),
}  # fmt: skip


CHECKS: dict[str, tuple[Callable[[Fact], SearchStrategy[Any]], Callable[..., None]]] = {
    "batches": (lambda fact: _cases(fact) | _orderly_cases(fact), _check),
    "known": (_known_cases, _check),
    "resending": (_resendings, _check_resending),
    "corrections": (_corrections, _check_corrections),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_planted_in_a_load_is_found(fleet: Fleet, fault: str) -> None:
    fact, name, sound, faulty, kind = FAULTS[fault]
    [(code,)] = query(
        fleet.connection,
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p"
        " WHERE p.pronamespace = '_etl'::regnamespace AND p.proname = %s",
        name,
    )
    assert sound in code, code

    @settings(
        max_examples=3000, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @seed(SEED)
    @given(case=CHECKS[kind][0](fact))
    def check(case: Any) -> None:
        CHECKS[kind][1](fleet, fact, case)

    run(fleet.connection, code.replace(sound, faulty))
    try:
        with pytest.raises((AssertionError, psycopg2.Error)):
            check()
    finally:
        run(fleet.connection, code)
