"""Look before the leap: is this server, and are these data, fit for the planned run?

Everything that stands against it is said in one message, before the first change.
"""

from setu.preflight.check import check
from setu.preflight.facts import ServerFacts, server_facts
from setu.preflight.findings import Finding, Plan

__all__ = ["Finding", "Plan", "ServerFacts", "check", "server_facts"]
