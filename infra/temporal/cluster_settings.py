"""What a Temporal cluster should be set to for orders. The server reads it; no client can see or change it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """One value of Temporal's dynamic configuration, and why. `one_node`: right for a single server only."""

    key: str
    value: str
    why: str
    one_node: bool = False


ADVICE = (
    Advice("matching.useNewMatcher", "true", "needed for the next one"),
    Advice("matching.enableFairness", "true", "urgent orders get a share of the queue, not all of it"),
    Advice(
        "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute",
        "2",
        "a bug is reported from its second failure on, not only from the fifth, minutes later",
    ),
    Advice(
        "worker.BatcherRPS",
        "20",
        "resets by the hundred leave room for orders; 50 otherwise, and a rate in the request is not kept to",
    ),
    Advice("frontend.namespaceRPS.visibility", "100", "lists of workflows a second, 10 otherwise"),
    # On one machine more of them only make tasks wait for their matching half.
    Advice("matching.numTaskqueueReadPartitions", "1", "one server only; leave 4 on a cluster", one_node=True),
    Advice("matching.numTaskqueueWritePartitions", "1", "one server only; leave 4 on a cluster", one_node=True),
)


def as_yaml() -> str:
    """The advice as a dynamic configuration file; what is for one server only is commented out."""
    return "\n".join(_entry(one) for one in ADVICE)


def _entry(one: Advice) -> str:
    lines = (f"{one.key}:  # {one.why}", f"  - value: {one.value}")
    return "\n".join(f"# {line}" if one.one_node else line for line in lines)
