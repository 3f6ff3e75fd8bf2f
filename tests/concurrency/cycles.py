"""A small fleet under v2, random bronze rows for it, and what silver must make of them.

The model knows nothing of batches, writers or order: per machine, the distinct cycles by start,
each column the last known value by id, and each gap from the one before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import TypeVar

from tests.chain import Chain

T = TypeVar("T")

MACHINES = 16
EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
COLUMNS = (
    "device_id, machine_iot_id, cycle_start, cycle_end, program_no, std_load_unload, "
    "std_cycle_time, down_threshold"
)

FLEET = f"""
WITH company AS (
    INSERT INTO master.companies (company_id, company_name) VALUES ('C1', 'One') RETURNING iot_id
),
plant AS (
    INSERT INTO master.plants (company_iot_id, plant_id, timezone)
    SELECT iot_id, 'P1', 'Europe/Berlin' FROM company RETURNING iot_id, company_iot_id
),
device AS (
    INSERT INTO master.device_info (device_id)
    SELECT 'D' || n FROM generate_series(1, {MACHINES}) AS n RETURNING device_iot_id, device_id
),
machine AS (
    INSERT INTO master.machine_info (machine_id, company_iot_id, device_iot_id, source_iot_id)
    SELECT 'M' || d.device_id, p.company_iot_id, d.device_iot_id, 'I' || d.device_id
    FROM plant AS p CROSS JOIN device AS d RETURNING iot_id, company_iot_id
),
shift AS (
    INSERT INTO master.shift_definitions
        (company_iot_id, plant_iot_id, shift_id, shift_name, start_time, end_time, to_day)
    SELECT p.company_iot_id, p.iot_id, s.shift_id, s.shift_name, s.start_time, s.end_time, s.to_day
    FROM plant AS p
    CROSS JOIN (VALUES
        (1::smallint, 'Early', TIME '06:00', TIME '14:00', 0::smallint),
        (2::smallint, 'Late', TIME '14:00', TIME '22:00', 0::smallint),
        (3::smallint, 'Night', TIME '22:00', TIME '05:00', 1::smallint)
    ) AS s (shift_id, shift_name, start_time, end_time, to_day)
)
INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)
SELECT p.company_iot_id, p.iot_id, m.iot_id FROM plant AS p CROSS JOIN machine AS m
"""


@dataclass(frozen=True)
class BronzeRow:
    """What a gateway sends: one cycle, or what is taken for one."""

    machine: int
    start: datetime | None
    end: datetime | None
    program: str | None
    load_unload: int | None
    cycle_time: int | None
    threshold: int | None

    def values(self) -> tuple[object, ...]:
        """In the order of ``COLUMNS``."""
        return (f"D{self.machine}", *self.__dict__.values())


# machine, start, end, program, the three standards, gap, run time
SilverRow = tuple[
    int, datetime, datetime | None, str | None, int | None, int | None, int | None,
    int | None, int | None,
]  # fmt: skip


def reject_reason(row: BronzeRow, machines: Sequence[int]) -> str | None:
    """Why the load refuses a row, or None."""
    if row.machine not in machines:
        return "unknown_machine"
    if row.start is None:
        return "missing_start"
    if row.end is not None and row.end < row.start:
        return "end_before_start"
    return None


def model(rows: Iterable[BronzeRow], machines: Sequence[int]) -> list[SilverRow]:
    """Silver as it must be, by machine and start, from rows in the order of their ids."""
    cycles: dict[tuple[int, datetime], list[BronzeRow]] = defaultdict(list)
    for row in rows:
        if row.start is not None and reject_reason(row, machines) is None:
            cycles[row.machine, row.start].append(row)
    result: list[SilverRow] = []
    for (machine, start), same in sorted(cycles.items()):
        end = _last_known(r.end for r in same)
        before = result[-1] if result and result[-1][0] == machine else None
        gap = None if before is None or before[2] is None else max(0, _seconds(start - before[2]))
        result.append(
            (
                machine,
                start,
                end,
                _last_known(r.program for r in same),
                _last_known(r.load_unload for r in same),
                _last_known(r.cycle_time for r in same),
                _last_known(r.threshold for r in same),
                gap,
                None if end is None else _seconds(end - start),
            )
        )
    return result


def _last_known(values: Iterable[T | None]) -> T | None:
    return next((v for v in reversed(list(values)) if v is not None), None)


# Half away from zero, as numeric rounds; timedelta counts whole microseconds.
def _seconds(span: timedelta) -> int:
    exact = Decimal(span // timedelta(microseconds=1)) / 1_000_000
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


class Source:
    """Random rows of a fleet: mostly new cycles in order, and all that goes wrong with them."""

    def __init__(self, random: Random, machines: Sequence[int]) -> None:
        self._random = random
        self._machines = machines
        self._clock = dict.fromkeys(machines, EPOCH)
        self._sent: list[BronzeRow] = []

    def row(self) -> BronzeRow:
        """The next row."""
        pick = self._random
        chance = pick.random()
        if self._sent and chance < 0.10:
            return pick.choice(self._sent)
        if self._sent and chance < 0.18:
            return self._other_values(pick.choice(self._sent))
        row = self._cycle()
        if chance < 0.20:
            return BronzeRow(-1, *list(row.__dict__.values())[1:])
        if chance < 0.22:
            return BronzeRow(row.machine, None, *list(row.__dict__.values())[2:])
        if chance < 0.24 and row.start is not None:
            early = row.start - timedelta(seconds=1)
            return BronzeRow(row.machine, row.start, early, *list(row.__dict__.values())[3:])
        if len(self._sent) < 500:
            self._sent.append(row)
        else:
            self._sent[pick.randrange(500)] = row
        return row

    def _cycle(self) -> BronzeRow:
        pick = self._random
        machine = pick.choice(self._machines)
        milliseconds = timedelta(milliseconds=1)
        start = self._clock[machine] + pick.randrange(-900_000, 7_200_000) * milliseconds
        if pick.random() < 0.1:
            start = EPOCH + pick.randrange(21 * 86_400_000) * milliseconds
        else:
            self._clock[machine] = start
        end = None if pick.random() < 0.1 else start + pick.randrange(3_600_000) * milliseconds
        return self._with_values(machine, start, end)

    def _other_values(self, row: BronzeRow) -> BronzeRow:
        assert row.start is not None
        end = row.start + timedelta(milliseconds=self._random.randrange(3_600_000))
        return self._with_values(row.machine, row.start, end)

    def _with_values(self, machine: int, start: datetime, end: datetime | None) -> BronzeRow:
        pick = self._random
        return BronzeRow(
            machine,
            start,
            end,
            pick.choice((None, "O1", "O2", "o10", "Ö3")),
            *(pick.choice((None, pick.randrange(500))) for _ in range(3)),
        )


def make_fleet(chain: Chain) -> list[int]:
    """Machines with a plant and three shifts; their keys. The scheduler leaves them alone."""
    chain.run(FLEET)
    if chain.community:
        chain.run(
            "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs "
            "WHERE hypertable_schema IN ('bronze', 'silver') OR proc_schema = '_etl'"
        )
    return [key for (key,) in chain.query("SELECT iot_id FROM master.machine_info ORDER BY 1")]


def bronze_rows(chain: Chain) -> list[BronzeRow]:
    """What bronze holds now."""
    return [
        BronzeRow(*row)
        for row in chain.query(
            "SELECT machine_iot_id, cycle_start, cycle_end, program_no, std_load_unload, "
            "std_cycle_time, down_threshold FROM bronze.raw_machine_cycles ORDER BY id"
        )
    ]


# Each row with its id, in the transaction that sends it: retention drops bronze, and the order of
# arrival decides between rows that contradict each other.
ARRIVALS = (
    "CREATE TABLE public.arrived (LIKE bronze.raw_machine_cycles)",
    """
    CREATE FUNCTION public.note_arrival() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO public.arrived SELECT NEW.*;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER note_arrival AFTER INSERT ON bronze.raw_machine_cycles"
    " FOR EACH ROW EXECUTE FUNCTION public.note_arrival()",
)


def arrived_rows(chain: Chain) -> list[BronzeRow]:
    """What was committed since ``ARRIVALS`` ran, in the order of ids."""
    return [
        BronzeRow(*row)
        for row in chain.query(
            "SELECT machine_iot_id, cycle_start, cycle_end, program_no, std_load_unload, "
            "std_cycle_time, down_threshold FROM public.arrived ORDER BY id"
        )
    ]


def silver_rows(chain: Chain) -> list[SilverRow]:
    """What silver holds now, as the model gives it."""
    return [
        (row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8])
        for row in chain.query(
            "SELECT machine_iot_id, cycle_start, cycle_end, program_no, std_load_unload, "
            "std_cycle_time, down_threshold, actual_load_unload, actual_cycle_time "
            "FROM silver.machine_cycles ORDER BY machine_iot_id, cycle_start"
        )
    ]


def shift_faults(chain: Chain) -> int:
    """Cycles in silver whose shift or logical date is not what ``fn_get_shift`` says."""
    return int(
        chain.value(
            "SELECT count(*) FROM silver.machine_cycles AS c "
            "INNER JOIN master.plant_machine_mapping AS m USING (machine_iot_id) "
            "CROSS JOIN LATERAL master.fn_get_shift(m.plant_iot_id, c.cycle_start) AS s "
            "WHERE (c.shift_id, c.shift_name, c.logical_date) "
            "IS DISTINCT FROM (s.shift_id, s.shift_name, s.logical_date)"
        )
    )


def state_faults(chain: Chain) -> int:
    """Machines whose cached state is not their last cycle in silver, none missing, none extra."""
    return int(
        chain.value(
            "SELECT count(*) FROM silver.latest_cycle_state AS s "
            "FULL JOIN ("
            "    SELECT DISTINCT ON (machine_iot_id) machine_iot_id, cycle_start, cycle_end "
            "    FROM silver.machine_cycles ORDER BY machine_iot_id, cycle_start DESC"
            ") AS c USING (machine_iot_id) "
            "WHERE (s.last_cycle_start, s.last_cycle_end) "
            "IS DISTINCT FROM (c.cycle_start, c.cycle_end)"
        )
    )
