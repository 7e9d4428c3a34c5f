"""Which operation follows which receptive-field rule: the table that a new operation joins.

Layers stand by class (subclasses follow the same rule), functions by themselves, tensor methods by
name. torch's tags tell which of the others are pointwise. An operation that is in no line and has
no such tag raises an error: it never counts as one that moves nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from bench.measuring.receptive import rules, windows
from bench.measuring.receptive.rules import Rule

_DROPOUT = nn.modules.dropout._DropoutNd  # common base of every dropout layer
_BATCH_NORM = nn.modules.batchnorm._BatchNorm
_INSTANCE_NORM = nn.modules.instancenorm._InstanceNorm

# fmt: off
# rule, why it holds, the operations that follow it
TABLE: tuple[tuple[Rule, str, tuple[Any, ...]], ...] = (
    (windows.convolution, "a window: wider by (kernel - 1) * dilation * jump", (
        nn.Conv1d, nn.Conv2d, nn.Conv3d, torch.conv1d, torch.conv2d, torch.conv3d,
    )),
    (windows.transposed_convolution, "a window turned round: i adds to i * stride + tap", (
        nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
        torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d,
    )),
    (windows.max_pooling, "a window; a window over the whole map is global pooling", (
        nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d,
        functional.max_pool1d, functional.max_pool2d, functional.max_pool3d,
        torch.max_pool1d, torch.max_pool2d, torch.max_pool3d,
    )),
    (windows.average_pooling, "as max pooling", (
        nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
        functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d,
    )),
    (windows.adaptive_pooling, "output size 1 sees everything; others share the positions out", (
        nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
        nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
        functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d,
        functional.adaptive_avg_pool3d, functional.adaptive_max_pool1d,
        functional.adaptive_max_pool2d, functional.adaptive_max_pool3d,
    )),
    (windows.padding, "shifts the positions; the padding is outside the image or mirrors it", (
        nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d,
        nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReplicationPad1d, nn.ReplicationPad2d,
        functional.pad,
    )),
    (windows.upsampling, "positions between the old ones: the jump becomes a fraction", (
        nn.Upsample, functional.interpolate,
    )),
    (windows.shuffling, "channels become positions side by side", (
        nn.PixelShuffle, functional.pixel_shuffle,
    )),
    (windows.unshuffling, "positions side by side become channels", (
        nn.PixelUnshuffle, functional.pixel_unshuffle,
    )),
    (rules.batch_norm, "in eval mode a fixed factor and shift a channel", (
        _BATCH_NORM, functional.batch_norm,
    )),
    (rules.normalised, "divides by statistics over all positions, in eval mode too", (
        nn.GroupNorm, _INSTANCE_NORM, functional.group_norm, functional.instance_norm,
    )),
    (rules.layer_norm, "the same over the last dims only", (
        nn.LayerNorm, nn.RMSNorm, functional.layer_norm, functional.rms_norm,
    )),
    (rules.mixing, "every result sees all positions", (
        nn.MultiheadAttention, functional.scaled_dot_product_attention,
    )),
    (rules.fourier, "every frequency sees all positions along the dims that are transformed", (
        torch.fft.fft, torch.fft.ifft, torch.fft.rfft, torch.fft.irfft,
        torch.fft.fft2, torch.fft.ifft2, torch.fft.rfft2, torch.fft.irfft2,
    )),
    (rules.product, "a sum over one dim of each operand", (
        torch.matmul, torch.bmm, operator.matmul, "matmul", "bmm",
    )),
    (rules.halves, "one half of the channels gates the other, position by position", (
        nn.GLU, functional.glu,
    )),
    (rules.softmax, "normalises along one axis: over positions it is a gate", (
        nn.Softmax, nn.LogSoftmax, functional.softmax, functional.log_softmax,
        torch.softmax, torch.log_softmax, "softmax", "log_softmax",
    )),
    (rules.pointwise, "each number alone, or along the channels", (
        nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU,
        nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Sigmoid, nn.Tanh, nn.Softplus,
        nn.Softsign, nn.LogSigmoid, nn.Threshold, nn.Identity, nn.LocalResponseNorm,
        nn.Softmax2d, nn.ChannelShuffle, _DROPOUT,
        functional.leaky_relu, functional.hardswish, functional.softsign, functional.logsigmoid,
        functional.prelu,
        functional.dropout, functional.dropout2d, functional.dropout3d,
        functional.alpha_dropout, functional.channel_shuffle, torch.dropout,
        "contiguous", "detach", "to", "float", "type_as",
    )),
    (rules.pointwise, "branches meet position by position: from the first pixel to the last", (
        operator.truediv, "expand", "expand_as",
    )),
    (rules.concatenation, "as addition, along the channels", (
        torch.cat, torch.concat,
    )),
    (rules.channels_split, "a part of the channels sees what all channels see", (
        torch.chunk, torch.split, "chunk", "split",
    )),
    (rules.reduction, "over positions it is global pooling; over channels no position moves", (
        torch.mean, torch.sum, torch.amax, torch.amin, torch.max, torch.min, torch.std, torch.var,
        "mean", "sum", "amax", "amin", "max", "min", "std", "var",
    )),
    (rules.reshaping, "dims are joined or parted; flattened with channels, all is seen", (
        nn.Flatten, nn.Unflatten, torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze,
        "flatten", "unflatten", "view", "reshape", "squeeze", "unsqueeze",
    )),
    (rules.permutation, "the dims change their order", (
        torch.permute, torch.transpose, "permute", "transpose",
    )),
    (rules.indexing, "a slice shifts and strides the positions", (
        operator.getitem,
    )),
    (rules.linear, "mixes the last axis: over positions it sees all of them", (
        nn.Linear, functional.linear,
    )),
)
# fmt: on
RULES: dict[Any, Rule] = {
    operation: rule for rule, _, operations in TABLE for operation in operations
}

# Rules under which several arguments may depend on the image; the others look at the first only.
MANY_OPERANDS = (
    *(rules.pointwise, rules.concatenation, rules.reduction, rules.mixing, rules.product),
)
# Rules behind which a flattened map can be unflattened again.
KEEPING_LAYOUT = (rules.pointwise, rules.reshaping)
# Rules that are applied even where everything is seen already: their rows show the kernel.
CONVOLUTIONS = (windows.convolution, windows.transposed_convolution)


def of_tag(keys: Sequence[Any]) -> Rule | None:
    """The rule of a function or a method that torch itself tags as pointwise, by its names."""
    names = [key if isinstance(key, str) else getattr(key, "__name__", "") for key in keys]
    packets = (getattr(torch.ops.aten, name.strip("_"), None) for name in names if name)
    firsts = (getattr(each, each.overloads()[0]) for each in packets if each is not None)
    tagged = any(torch.Tag.pointwise in overload.tags for overload in firsts)
    return rules.pointwise if tagged else None
