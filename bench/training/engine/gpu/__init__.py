"""Many runs on one GPU, their steps captured: the door through which training uses them."""

from bench.training.engine.gpu.capturing import is_out_of_memory
from bench.training.engine.gpu.slots import Slots
from bench.training.engine.gpu.trial_processes import trials
from bench.training.engine.gpu.turns import TrainingContext, Turn, run_in_turns

__all__ = [
    "Slots",
    "TrainingContext",
    "Turn",
    "is_out_of_memory",
    "run_in_turns",
    "trials",
]
