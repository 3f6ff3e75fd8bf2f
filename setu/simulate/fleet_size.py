"""How large a made-up fleet is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FleetSize:
    """How much to make. Companies, plants and machines count for each of the level above.

    ``events_per_machine_day`` is of each silver table but machine_cycles; the rarer kinds have a
    half to an eighth of it.
    """

    companies: int = 2
    plants: int = 2
    machines: int = 5
    days: int = 28
    cycles_per_machine_day: int = 24
    events_per_machine_day: int = 8
    processed_payloads: int = 40
    failed_payloads: int = 5
    pending_payloads: int = 20
    claimed_payloads: int = 5
    dead_letters: int = 5

    @property
    def machine_count(self) -> int:
        """Machines of the whole fleet."""
        return self.companies * self.plants * self.machines

    @property
    def cycle_count(self) -> int:
        """Cycles of the history, without those that payloads bring."""
        return self.machine_count * self.days * self.cycles_per_machine_day
