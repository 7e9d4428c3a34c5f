"""What a network is made of, from its measures in the suite."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tests.oracle.suite import Arm

# Where a measure of layers stands: the measure, and the field of each layer.
OF_LAYERS = {
    "n_parameters": ("parameters", "n_parameters"),
    "n_weights": ("parameters", "n_weights"),
    "n_biases": ("parameters", "n_biases"),
    "kernel_pixels": ("parameters", "kernel"),
    "groups": ("parameters", "groups"),
    "receptive_field_pixels": ("receptive_field", "receptive_field"),
    "dropout_probability": ("dropout", "dropout_probability"),
}


def saved(before: Fraction, after: Fraction) -> Fraction:
    return Fraction(100 * (before - after), before)


class Network:
    """The measures of a network: its layers in the order of their calls."""

    def __init__(self, arm: Arm):
        self.measures, self.first = arm.portrait["measures"], arm.records[0]
        self.layers = self.measures["parameters"]["layers"]
        self.multiply_adds, self.size = arm.multiply_adds, self.first["n_parameters"]

    def names(self, claim: dict[str, Any]) -> list[str]:
        """The claim's layers, each by its name or as "Conv2d 5", the fifth call of a Conv2d."""
        found = []
        for word in claim["layers"]:
            operation, _, place = word.partition(" ")
            calls = [name for name, each in self.layers.items() if each["operation"] == operation]
            found.append(word if word in self.layers else calls[int(place) - 1])
        return found

    def of_layers(self, claim: dict[str, Any]) -> Any:
        names, metric = self.names(claim), claim["metric"]
        if metric in OF_LAYERS:
            measure, field = OF_LAYERS[metric]
            values = self.measures[measure]["layers"]
            return sum(Fraction(str(values[name][field])) for name in names)
        if metric == "output_shape":
            channels, *sides = self.layers[names[0]]["output_shape"]
            return "x".join(str(each) for each in (*sides, channels))
        if metric == "layer_sequence":
            first, last = (list(self.layers).index(name) for name in names)
            return ", ".join([each["operation"] for each in self.layers.values()][first : last + 1])
        # One standard layer connects each input plane with each output plane.
        depthwise, pointwise = (self.layers[name] for name in names)
        standard = depthwise["n_weights"] * pointwise["output_shape"][0]
        return saved(standard, depthwise["n_weights"] + pointwise["n_weights"])

    def of_whole(self, metric: str, name: str, limit: int) -> Any:
        """A measure of the whole network; `name` is what follows the metric's dot."""
        layers = self.layers.values()
        if metric == "n_parameters":
            return sum(e["n_parameters"] for e in layers if name in ("", "total", slug(e)))
        if metric == "n_parameters_by_type":
            views = self.measures["parameters"]["views"]["by_type"]
            return views.get(name.capitalize().replace("_", " "), 0)
        if metric == "n_layers":
            return sum(each["operation"] == name for each in layers)
        return {
            "n_non_trainable_parameters": self.size - sum(each["n_trainable"] for each in layers),
            "parameters_over_limit": self.size - (limit or 0),
            "weights_bytes": self.measures["cost"]["values"]["fp32_bytes"],
            **self.measures["receptive_field"]["values"],
        }[metric]

    def setting(self, metric: str, path: str) -> Any:
        """What somebody typed from the document."""
        value, data = self.first["recipe"], self.first["dataset"]
        if metric == "step_size_epochs":
            return round(value["step_fractions"][0] * value["epochs"])
        if metric == "validation_share_percent":
            return Fraction(100 * data["n_validation"], data["n_train"] + data["n_validation"])
        for name in path.split("."):
            value = value[name]
        return value if isinstance(value, str) else Fraction(str(value))


def slug(layer: Any) -> str:
    """The layer's component, as a claim writes it."""
    return (layer["component"] or "none").lower().replace(" ", "_")
