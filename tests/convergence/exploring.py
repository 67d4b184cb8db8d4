"""Running the machine: how long, from which seed, and what is said when it fails."""

from __future__ import annotations

import os

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.machine import Convergence

STEPS = int(os.environ.get("CONVERGENCE_STEPS", "40"))


def explore(*, seed: int, examples: int, shrink: bool = True) -> None:
    """Run clusters until one fails; the same seed runs the same ones.

    Args:
        seed: Of everything that is drawn.
        examples: How many clusters, of `STEPS` steps at most.
        shrink: Look for the shortest way to the failure.

    Raises:
        AssertionError: with the steps that lead to it, and how to repeat it, as notes.
    """

    # The seed belongs to a class; this one is thrown away.
    class Seeded(Convergence):
        pass

    Seeded.__name__ = Seeded.__qualname__ = Convergence.__name__
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    try:
        run_state_machine_as_test(
            hypothesis.seed(seed)(Seeded),
            settings=settings(
                max_examples=examples,
                stateful_step_count=STEPS,
                phases=phases,
                # What is remembered from other runs would be run beside the seed.
                database=None,
                deadline=None,
                print_blob=True,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except BaseException as error:
        error.add_note(
            f"Repeat it: CONVERGENCE_SEED={seed} CONVERGENCE_EXAMPLES={examples}"
            f" CONVERGENCE_STEPS={STEPS} pytest tests/convergence/test_convergence.py"
        )
        raise
