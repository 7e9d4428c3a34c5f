"""The steps of one run over buffers that stay where they are, so that a CUDA graph can hold them.

Before an epoch its images are augmented and laid out in the order of its steps, some thousands at
a time; a step then reads a row of them. So a step launches neither gathers nor augmentation, and
its graph is the same whatever the epoch's augmentation is. Losses and counts stay on the device
until the epoch's end. Without a capture the same code runs launch by launch, on a CPU too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.spec import RunSpec
from bench.training import augment
from bench.training.engine.data import DeviceData, network_input
from bench.training.engine.device_optimizer import DeviceOptimizer
from bench.training.engine.evaluation import Evaluation, score
from bench.training.engine.gpu.own_generator import OwnGenerator
from bench.training.engine.gpu.slots import recording
from bench.training.engine.gpu.totals import Clock, Totals
from bench.training.engine.network import named_tensors
from bench.training.engine.streams import generator, stream_seed
from bench.training.engine.train import (
    State,
    descend,
    epoch_of,
    forward,
    refresh_rates,
    require_finite,
    steps_per_epoch,
)

PIXELS_AT_ONCE = 6000 * 784  # that an epoch's augmentation holds in memory, 20 MB a temporary


class Steps:
    """One run's steps and evaluations.

    Args:
        state: Fresh from `start`, or restored; changed in place.
        data: The data set on the network's device.
        spec: The run.
        capture: Whether steps and evaluations are captured; needs a GPU and a `DeviceOptimizer`.
        pool: The memory of the captured graphs (`Slot.pool`); None: one of their own.
    """

    def __init__(
        self, state: State, data: DeviceData, spec: RunSpec, capture: bool, pool: Any = None
    ) -> None:
        self._state, self._data, self._spec = state, data, spec
        device = data.train.images.device
        n_train, batch = spec.n_train, spec.recipe.batch_size
        self.n_steps = steps_per_epoch(spec.recipe, n_train)
        self._n_full = n_train // batch
        self._n_in_rows = self._n_full * batch
        has_step = {"full": self._n_full > 0, "short": self._n_in_rows < n_train}
        self._parts = {name: part for name, part in PARTS.items() if has_step.get(name, True)}
        # The epoch's images and labels in the order of its steps.
        self._images = torch.empty_like(data.train.images)
        self._labels = torch.empty_like(data.train.labels)
        self._numbers = torch.arange(self.n_steps, device=device)
        self._step = torch.zeros(1, dtype=torch.int64, device=device)  # of the epoch, next
        self._host_step = 0  # the same; chooses the graph
        self._epoch = 0
        self._totals = Totals.empty(self.n_steps, device=device)
        # Copies between the host and a GPU are waited for unless the host's side is pinned.
        is_pinned = device.type == "cuda"
        self._on_host = Totals.empty(self.n_steps, pin_memory=is_pinned)
        self._order = torch.empty(n_train, dtype=torch.int64, pin_memory=is_pinned)
        self._maps: augment.Coefficients | None = None  # while they are being copied
        self._generator = OwnGenerator(device, is_captured=capture)
        self._clock = Clock(device)
        self._graphs: dict[str, torch.cuda.CUDAGraph] = {}
        if capture:
            self._capture(pool)

    def begin(self, epoch: int, maps: augment.Coefficients) -> None:
        """Lays out the epoch's images, which are augmented by these maps, and starts its streams.

        Under the schedule `plateau` the host computes the epoch's learning rates first, from the
        figures that `finish` has brought, and waits until they are copied. Otherwise it waits for
        nothing. The maps are held until they are copied, so that whoever wrote them can tell when
        their memory is free.

        Args:
            epoch: From 1; the one before it is done.
            maps: Of every training image, in the data set's order; pinned on a GPU, or the copy
                is waited for.
        """
        spec, data = self._spec, self._data.train
        device = self._labels.device
        self._clock.start()
        refresh_rates(self._state, spec)
        stream = generator(spec.seed, "order", epoch)
        torch.randperm(len(data.labels), generator=stream, out=self._order)
        order = self._order.to(device, non_blocking=True)
        self._maps, maps = maps, maps.to(device, non_blocking=True)
        self._clock.copied()
        n_at_once = max(1, PIXELS_AT_ONCE // data.images[0].numel())
        for first in range(0, len(order), n_at_once):
            chosen = order[first : first + n_at_once]
            images = augment.apply(data.images[chosen], maps[chosen])
            self._images[first : first + len(chosen)].copy_(images)
        self._labels.copy_(data.labels[order])
        self._epoch, self._host_step = epoch, 0
        for total in (self._step, *self._totals.tensors()):
            total.zero_()
        if isinstance(self._state.optimizer, DeviceOptimizer):
            self._state.optimizer.index.fill_((epoch - 1) * self.n_steps)
        self._generator.reseed(stream_seed(spec.seed, "dropout", epoch))

    def advance(self, n_steps: int) -> bool:
        """Takes up to so many of the epoch's steps; whether some are left. Waits for nothing."""
        if self._maps is not None and self._clock.has_copied():
            self._maps = None
        with self._generator.standing_in():
            for _ in range(min(n_steps, self.n_steps - self._host_step)):
                self._do("full" if self._host_step < self._n_full else "short")
                self._host_step += 1
        return self._host_step < self.n_steps

    def evaluate(self) -> None:
        """Scores validation and test, and sends all totals to the host. Waits for nothing."""
        self._clock.stop()
        with self._generator.standing_in():
            self._do("scores")
        self._on_host.copy_(self._totals)
        self._clock.sent()

    def is_done(self) -> bool:
        """Whether the totals have arrived."""
        return self._clock.has_arrived()

    def finish(self) -> None:
        """Adds the epoch to the state, once it is done.

        Raises:
            Diverged: a loss is not finite; names the epoch and the step.
        """
        self._maps = None
        on_host, n_train = self._on_host, self._spec.n_train
        require_finite(on_host.losses, self._epoch)
        losses = [
            float(on_host.losses.sum(dtype=torch.float64)) / n_train,
            *map(float, on_host.means),
        ]
        training, validation, test = map(Evaluation, losses, map(int, on_host.correct))
        data = self._data
        scores = training, validation if data.validation else None, test if data.test else None
        seconds = self._clock.seconds()
        state, spec = self._state, self._spec
        state.epochs.append(epoch_of(state, spec, self._epoch, scores, seconds))

    def warm_up(self) -> None:
        """Does every part once and puts back what it changed; needs a `DeviceOptimizer`.

        Once is enough: libraries make their handles, choose and load their kernels and allocate
        their workspaces at a kernel's first launch on a stream. No step differs from the first,
        for gradients are made anew in each.
        """
        optimizer = self._state.optimizer
        assert isinstance(optimizer, DeviceOptimizer)
        kept = [(tensor, tensor.clone()) for tensor in self._changed(optimizer)]
        self._images.zero_()
        self._labels.zero_()
        for part in self._parts.values():
            self._step.zero_()
            optimizer.index.zero_()
            with self._generator.standing_in():
                part(self)
        with torch.no_grad():
            for tensor, content in kept:
                tensor.copy_(content)

    def _do(self, part: str) -> None:
        if part in self._graphs:
            self._graphs[part].replay()
        else:
            self._parts[part](self)

    def _capture(self, pool: Any) -> None:
        """Records every part as a graph; what Python does in it is not done again."""
        self.warm_up()
        # One pool for all parts: a run's graphs never run at once.
        pool = torch.cuda.graph_pool_handle() if pool is None else pool
        for name, part in self._parts.items():
            graph = torch.cuda.CUDAGraph()
            with self._generator.standing_in(), recording(graph, pool):
                part(self)
            self._graphs[name] = graph

    def full(self) -> None:
        """A step on the row of images that the counter names."""
        batch = self._spec.recipe.batch_size
        rows = self._images[: self._n_in_rows].view(self._n_full, batch, *self._images.shape[1:])
        labels = self._labels[: self._n_in_rows].view(self._n_full, batch)
        self._learn(rows.index_select(0, self._step)[0], labels.index_select(0, self._step)[0])

    def short(self) -> None:
        """The epoch's last step, on what is left over."""
        self._learn(self._images[self._n_in_rows :], self._labels[self._n_in_rows :])

    def _learn(self, images: Tensor, labels: Tensor) -> None:
        """A step on n uint8 images as a split holds them, and their labels (n,)."""
        data, spec, state, totals = self._data, self._spec, self._state, self._totals
        state.trained.train()
        inputs = network_input(images, data.grey_levels, spec.numerics)
        loss, outputs = forward(state.trained, inputs, labels, spec.recipe.label_smoothing)
        self._descend(loss)
        # A write at an index from the device: plain indexing would ask the host for it.
        here = self._numbers == self._step
        summed = loss.detach() * len(labels)
        totals.losses.copy_(torch.where(here, summed, totals.losses))
        totals.correct[0].add_((outputs.detach().argmax(dim=1) == labels).sum())
        self._step.add_(1)

    def _descend(self, loss: Tensor) -> None:
        state, optimizer = self._state, self._state.optimizer
        if not isinstance(optimizer, DeviceOptimizer):
            descend(state, loss, (self._epoch - 1) * self.n_steps + self._host_step)
            return
        row = optimizer.row()
        optimizer.descend(loss, row)
        if state.average:
            state.average.update(row.average_weight)
        optimizer.advance()

    def scores(self) -> None:
        """Both evaluations."""
        data, numerics = self._data, self._spec.numerics
        for i, split in enumerate((data.validation, data.test)):
            if split:
                scores = score(self._state.scored, split, data.grey_levels, numerics)
                self._totals.correct[i + 1].copy_(scores.correct)
                self._totals.means[i].copy_(scores.loss)

    def _changed(self, optimizer: DeviceOptimizer) -> list[Tensor]:
        """Everything that a step or an evaluation changes."""
        state = self._state
        networks = [state.network, *([state.average.module] if state.average else [])]
        weights = [each for network in networks for _, each in named_tensors(network)]
        return [*weights, *optimizer.tensors(), self._step, *self._totals.tensors()]


# What a run does again and again, each a graph of its own.
PARTS: dict[str, Callable[[Steps], None]] = {
    "full": Steps.full,
    "short": Steps.short,
    "scores": Steps.scores,
}
