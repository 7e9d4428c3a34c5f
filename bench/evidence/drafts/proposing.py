"""Claims that the numbers of a document may make: each found by the words around it.

The words around a number are written as one line with `§` in the number's place. The first rule
whose pattern stands in that line says what the number may mean. Patterns have bounded gaps, so they
take time in proportion to the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from math import prod

from bench.evidence.claims.lookup import listed
from bench.evidence.drafts.reading import Part
from bench.spec import Relation

NUMBER = re.compile(
    r"(?<![\w.×])(?P<digits>\d{1,12}(?:,\d{3}){0,3}(?:\.\d{1,12})?(?:[eE]-?\d{1,2})?)"
    r"(?P<unit>\s?%|[kKM](?![a-zA-Z]))?(?![\w×]|\.\d|,\d{3})"
)
UNIT_OF_COLUMN = re.compile(r"[(\[]\s?([kKM%])\s?[)\]]")  # of a table's head: "MACs (M)"
OF_ACCURACIES = re.compile(r"accura|\bacc\b")
RANGE = re.compile(r"\s?[-–]\s?\d[\d.]{0,9}\s?%")  # behind its first number
PLUS_MINUS = re.compile(
    r"\s?(?:±|\+/-|\\pm)\s?(?P<spread>\d{0,2}\.?\d{1,12})(?P<unit>\s?%)?(?![\w°])"
)
APPROXIMATELY = re.compile(r"(?:~|≈|\babout|\baround|\broughly|\bapprox\w{0,9}\.?)\s{0,3}$")
RELATIONS: tuple[tuple[Relation, re.Pattern[str]], ...] = (
    (
        "at_most",
        re.compile(
            r"(?:≤|<=|\bat most|\bmax(?:imum)?(?: of)?:?|\bup to|\bwithin|\bn(?:o|ot) more than"
            r"|\bless than or equal to)\W{0,3}$"
        ),
    ),
    ("at_least", re.compile(r"(?:≥|>=|\bat least|\bmin(?:imum)?(?: of)?:?)\W{0,3}$")),
    ("below", re.compile(r"(?:<|\bunder|\bbelow|\bless than|\bfewer than)\W{0,3}$")),
    ("above", re.compile(r"(?:>|\babove|\bover|\bmore than|\bexceed\w{0,3})\W{0,3}$")),
)
CLAUSE = re.compile(r"[.;!?](?=\s)|\|")
WORD = re.compile(r"[a-z]")
BEFORE, AFTER = 70, 45  # letters of the words around a number


@dataclass(frozen=True)
class Proposal:
    """One claim that a person may keep; fields as `bench.spec.Claim` has them.

    Attributes:
        number: Its place among the document's proposals, from 0.
        terms: Places of the proposals that it refers to.
        doubt: What a person should decide, where the words leave it open.
        aim: Whether the words, or the heading above them, speak of an aim.
    """

    line: int
    quote: str
    metric: str
    subject: str = ""
    published: float | None = None
    tolerance: float = 0.0
    relation: Relation = "equals"
    text: str = ""
    layers: tuple[str, ...] = ()
    against: str = ""
    terms: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()
    derivation: str = ""
    doubt: str = ""
    aim: bool = False
    number: int = 0


@dataclass(frozen=True)
class Written:
    """A number as it is written.

    Attributes:
        value: In the unit that it is written in.
        half: Half a unit of the last digit; of the last digit that is not 0 in "8,500".
        percent: Whether it is a percentage.
        about: Whether it is rounded: "~7,200" or "7.2k".
        words: The words around it, in lower case, with `§` in its place.
        low: Whether it begins a range.
        high: Whether it ends one.
        spread: What stands behind its ±.
    """

    value: float
    half: float
    percent: bool
    about: bool
    relation: Relation
    words: str
    start: int
    end: int
    low: bool
    high: bool
    spread: Decimal | None = None


def proposals(parts: Iterable[Part]) -> list[Proposal]:
    """Every proposal of the document in order, once a network that the part speaks of."""
    found: list[Proposal] = []
    known: set[tuple[object, ...]] = set()
    networks: list[str] = []
    listing, layers = 0, Counter[str]()
    for part in parts:
        networks += [name for name in part.subjects if name not in networks]
        if part.block != listing:
            listing, layers = part.block, Counter()
        numbers = [*_of_numbers(part), *_lists(part)]
        words = _of_words(part, {one.metric for one in numbers})
        for one in (*_of_layers(part, layers), *words, *numbers):
            for each in _of_subjects(one, part, networks, found):
                key = (each.line, each.subject, each.metric, each.published, each.text, each.layers)
                if key not in known and each.quote:
                    known.add(key)
                    found.append(replace(each, number=len(found)))
    return found


def _of_subjects(
    one: Proposal, part: Part, networks: list[str], found: list[Proposal]
) -> Iterator[Proposal]:
    if one.subject:
        yield one
        return
    if one.metric == GAIN:
        yield from _of_gain(one, part, networks)
        return
    for name in part.subjects:
        each = replace(one, subject=name)
        if one.metric == "target_shortfall_points":
            own = [f for f in found if (f.line, f.subject) == (one.line, name) and _accuracy(f)]
            if own:
                yield replace(each, terms=(own[0].number,))
        elif one.metric == "parameters_saved_percent":
            place = networks.index(name)
            if place:  # the document's network before it
                doubt = "against which network does it save?"
                yield replace(each, against=networks[place - 1], doubt=doubt)
        else:
            yield each


def _of_gain(one: Proposal, part: Part, networks: list[str]) -> Iterator[Proposal]:
    """The first network of the words over the second, else over the document's one before it.

    A loss of the first is a gain of the second.
    """
    subject, *others = part.subjects
    place = networks.index(subject)
    against = others[0] if len(others) == 1 else networks[place - 1] if place else ""
    doubt = "" if len(others) == 1 else "over which network is the gain?"
    if not others and _stands_after_than(subject, part):  # "and is 0.5 points better than Net A"
        rest = [name for name in networks if name != subject]
        subject, against = (rest[-1], subject) if rest else (subject, "")
        doubt = "" if len(rest) == 1 else "of which network is the gain?"
    if against:
        gain = one.published or 0
        if gain < 0:
            subject, against, gain = against, subject, -gain
        yield replace(one, subject=subject, against=against, published=gain, doubt=doubt)


def _stands_after_than(name: str, part: Part) -> bool:
    spelled = re.escape(name).replace("_", "[ _-]?")
    return bool(re.search(rf"\bthan\b.*\b{spelled}\b", part.words, re.IGNORECASE))


def _accuracy(proposal: Proposal) -> bool:
    return proposal.metric.endswith("_accuracy_percent")


# --- numbers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """What a number may mean.

    Attributes:
        metric: As `docs/claims.md` lists it; empty for a number that no metric speaks of.
        pattern: Stands in the words around the number.
        low, high: Bounds of the number as it is written.
        percent: Whether the number must be a percentage.
        scale: From the number as it is written to the metric's unit.
        doubt: Of every proposal by this rule.
    """

    metric: str
    pattern: re.Pattern[str]
    low: float = 0.0
    high: float = 1e12
    percent: bool = False
    scale: str = "1"
    doubt: str = ""

    def fits(self, number: Written) -> bool:
        within = self.low <= number.value <= self.high and self.percent == number.percent
        return within and bool(self.pattern.search(number.words))


def _rule(metric: str, pattern: str, low: float = 0.0, high: float = 1e12, **more: object) -> Rule:
    return Rule(metric, re.compile(pattern), low, high, **more)  # type: ignore[arg-type]


def _setting(names: str) -> str:
    """`lr=0.01`, "learning rate: 0.01", "a learning rate of 0.01"."""
    return rf"\b(?:{names})\W{{0,6}}(?:of |is )?\W{{0,3}}§"


def _jitter(name: str, place: int) -> str:
    """`brightness=0.2`, "brightness of ±0.2", or its place in `ColorJitter(0.2, 0.1, 0.3)`."""
    before = rf"colou?rjitter\((?:[\d.]{{1,9}},\s?){{{place}}}"
    return rf"\b{name}\s?(?:=|:|of|by)?\s?±?§|{before}§"


GAIN = "mean_test_accuracy_gain_points"
GAINED = r"(?:improv|increas|rais|boost|gain|better)[^§]{0,40}accura[^§]{0,20}\bby (?:about )?\+?§"
POINTS = r"\s?(?:percentage[ -])?(?:points?|pp)\b"
MORE, LESS = r"(?:better|higher|more|ahead|above|over)\b", r"(?:worse|lower|less|behind|below)\b"
THAN = rf"§{POINTS} (?:\w{{1,12}} )?(?:{MORE}|{LESS})(?![^§]{{0,20}}(?:target|goal|limit))"
BEATS = r"(?:beats?|outperforms?|surpass\w{0,2}|exceeds?)\b[^§]{0,40}\bby (?:about )?§"
ACCURATER = rf"§ (?:\w{{1,12}} )?(?:{MORE}|{LESS}) (?:\w{{1,12}} )?accura"
LOSS = re.compile(rf"§[^§]{{0,30}}?\b{LESS}")
ADDS = r"macs\b|multiply[ -]?(?:adds|accumulates)\b|mult[ -]?adds\b"
SHORT = "target_shortfall_points"  # of a table's row; in prose it is a mean's shortfall
DROPOUT = "dropout_probability"
A_DROPOUT = r"(?<!coarse)(?<!coarse )dropout[^§]{0,40}§"  # CoarseDropout erases parts of images
CHANGED = "recipe.augmentation"
FLIP = r"horizontal[ _-]?flip\w{0,5}[^§,)]{0,25}§"
ERASING = r"(?:random ?erasing|cutout|coarse ?dropout)"
PLATEAU = r"plateau(?:(?!early)[^§]){0,60}\b"  # early stopping has a patience of its own
PER_EPOCH = "epochs, if the script calls scheduler.step() once an epoch"
SQUARE = "is it one square, with its centre anywhere in the image?"
RULES = (
    _rule(
        "validation_share_percent", r"split[^§]{0,30}§|§[^§]{0,20}hold-?out", 1, 50, percent=True
    ),
    _rule(GAIN, GAINED, 0.001, 49, percent=True),
    _rule(GAIN, GAINED + r"\s?(?:percentage )?(?:points?|pp)\b", 0.001, 49),
    _rule(GAIN, rf"{THAN}|{BEATS}{POINTS}", 0.001, 49),
    _rule(GAIN, ACCURATER, 0.001, 49, percent=True),
    _rule(SHORT, r"§[^§]{0,30}\b(?:short|below)\b|\bgap[^§]{0,30}§", 0, 5, percent=True),
    _rule(
        "parameters_saved_percent",
        r"(?:reduc|sav|cut|fewer)[^§]{0,30}param[^§]{0,20}§|param[^§]{0,20}(?:reduc|sav)[^§]{0,20}§"
        r"|§[^§]{0,4}(?:fewer|less) param",
        1,
        99,
        percent=True,
    ),
    _rule(DROPOUT, A_DROPOUT, 0.1, 90, percent=True, scale="0.01"),
    _rule(
        "recipe.augmentation.translate", r"translat[^§]{0,20}§", 0, 50, percent=True, scale="0.01"
    ),
    _rule(f"{CHANGED}.flip_probability", FLIP, 1, 100, percent=True, scale="0.01"),
    _rule(
        f"{CHANGED}.erasing_probability",
        r"random ?erasing[^§,)]{0,25}§",
        1,
        100,
        percent=True,
        scale="0.01",
    ),
    _rule("parameters_over_limit", r"limit[^§]{0,20}§\s?(?:over|under|below|above)\b"),
    _rule("n_parameters", r"(?<!= )§\s{0,3}(?:\w{1,12} ){0,2}param", 50),
    _rule(
        "n_parameters",
        r"\bparam[a-z]{0,6}[^§a-z]{0,12}(?:(?:count|total|budget|usage|limit|of|is|are)[^§a-z]{1,8}){0,2}§",
        50,
    ),
    _rule(
        "step_size_epochs",
        r"\bstep_size\W{0,4}§"
        r"|(?:learning rate|\blr\b|decay|step|gamma)[^§]{0,50}\bevery §\s?epochs",
        1,
        10_000,
        doubt=PER_EPOCH,
    ),
    _rule("", r"\bevery §\s?epochs|\bat epochs? [\d, ]{0,30}(?:and )?§", 1, 10_000),
    _rule(
        "recipe.epochs",
        r"(?<!last )(?<!first )(?<!final )(?<!past )§\s{0,3}(?:training )?epochs\b",
        1,
        10_000,
    ),
    _rule("recipe.epochs", r"\bepochs\b[^§a-z]{0,6}(?:of |is )?§(?!\s?[-–]\s?\d)", 1, 10_000),
    _rule("recipe.batch_size", _setting(r"batch[ _-]?size") + r"|\bbatch(?:es)? of §", 1, 1e6),
    _rule(
        "recipe.peak_learning_rate",
        _setting(r"max_?lr|(?:peak |max(?:imum)? )?learning[ _-]rate|lr"),
        0,
        10,
    ),
    _rule("recipe.warmup_fraction", _setting(r"pct_start|warm-?up fraction"), 0, 1),
    _rule("recipe.weight_decay", _setting(r"weight[ _-]decay"), 0, 1),
    _rule("recipe.momentum", _setting(r"momentum"), 0, 1),
    _rule("recipe.step_factor", _setting(r"gamma"), 0, 1),
    _rule("recipe.final_div_factor", _setting(r"final_div_factor")),
    _rule("recipe.div_factor", _setting(r"div_factor")),
    _rule("recipe.label_smoothing", _setting(r"label[ _-]smoothing"), 0, 1),
    _rule("recipe.plateau_patience", PLATEAU + r"patience\W{0,6}(?:of |is )?§", 0, 1000),
    _rule("recipe.step_factor", PLATEAU + r"factor\W{0,6}(?:of |is )?§", 0, 1),
    _rule("recipe.restart_epochs", r"\bt_0\s?=\s?§", 1, 10_000, doubt=PER_EPOCH),
    _rule("recipe.restart_factor", r"\bt_mult\s?=\s?§", 1, 100),
    _rule("recipe.rmsprop_alpha", r"rmsprop\([^§]{0,60}\balpha\s?=\s?§", 0, 1),
    _rule(f"{CHANGED}.flip_probability", FLIP, 0, 1),
    _rule(
        f"{CHANGED}.crop_padding",
        r"crop\w{0,4}\b[^§]{0,40}"
        r"(?:\bpadding\W{0,3}(?:of )?§|§(?:[- ]?pixels?| ?px)?(?: of)? padding)",
        1,
        64,
    ),
    _rule(f"{CHANGED}.brightness", _jitter("brightness", 0), 0, 7),
    _rule(f"{CHANGED}.contrast", _jitter("contrast", 1), 0, 7),
    _rule(f"{CHANGED}.saturation", _jitter("saturation", 2), 0, 7),
    _rule(
        f"{CHANGED}.erasing_probability",
        ERASING + r"(?:\([^§()]{0,65}\bp\s?=\s?|[^§,)]{0,25}\bprob\w{0,7}\W{0,3}(?:of )?)§",
        0,
        1,
    ),
    _rule(f"{CHANGED}.erasing_scale_min", r"erasing\([^§]{0,60}\bscale\s?=\s?\(§", 0.0001, 1),
    _rule(
        f"{CHANGED}.erasing_scale_max",
        r"erasing\([^§]{0,60}\bscale\s?=\s?\([\d.]{1,9},\s?§",
        0.0001,
        1,
    ),
    _rule(f"{CHANGED}.erasing_ratio_min", r"erasing\([^§]{0,60}\bratio\s?=\s?\(§", 0.01, 100),
    _rule(
        f"{CHANGED}.erasing_ratio_max",
        r"erasing\([^§]{0,60}\bratio\s?=\s?\([\d.]{1,9},\s?§",
        0.01,
        100,
    ),
    _rule(
        f"{CHANGED}.cutout_pixels",
        r"cutout(?:\(§\)|[^§)]{0,40}\b(?:length|size|mask_size)\W{0,3}(?:of |is )?§"
        r"|\W{1,2}(?:of )?§ ?(?:pixels|px)\b)"
        r"|(?:coarsedropout|cutout)\([^§()]{0,60}\bmax_height\s?=\s?§",
        1,
        512,
        doubt=SQUARE,
    ),
    _rule("", r"resizedcrop\([^§]{0,60}\bscale\s?=\s?\(", 0, 10),
    _rule("recipe.augmentation.rotation_degrees", r"rotat[^§]{0,30}§", 0.1, 180),
    _rule("recipe.augmentation.scale_min", r"\bscale\s?=\s?\(§", 0.01, 1),
    _rule("recipe.augmentation.scale_max", r"\bscale\s?=\s?\([\d.]{1,9},\s?§", 1, 10),
    _rule("recipe.augmentation.shear_degrees", r"\bshear\s?[=:]\s?\(?[^§]{0,3}§", 0, 89),
    _rule("recipe.augmentation.translate", r"\btranslate\s?=\s?\([^§)]{0,12}§", 0, 1),
    _rule("recipe.pixel_mean", r"normalize\((?:§|[\[(]§,?\s?[\])])", 0, 1),
    _rule("recipe.pixel_std", r"normalize\([\[(][\d.]{1,9},?[\])],\s?[\[(]?§", 0, 1),
    _rule("receptive_field_pixels", r"(?:\brf|\breceptive field)\b[^§]{0,20}§", 1, 500),
    _rule(DROPOUT, A_DROPOUT, 0.0001, 0.95),
    _rule("multiply_adds", rf"§\s?(?:{ADDS})|\b(?:{ADDS})\b[^§a-z]{{0,12}}§", 100),
)
ACCURATE = re.compile(r"accura|\bacc\b|achiev|reach|\btest\b|\bval")
NOT_OURS = re.compile(
    r"train\w{0,3} acc|\bepoch\W{0,3}\d[^§]{0,60}§|\bloss[^§]{0,12}§|§\s{0,2}(?:target|goal)\b"
)
GOAL = re.compile(r"achiev|target|goal|objective|expect|reach")
AIM = re.compile(
    r"\b(?:targets?|goals?|objectives?|aims?|requirements?|required|constraints?|must)\b|consisten"
)
# The first whose pattern stands in the words; a percentage of accuracy else is the last epoch's.
ACCURACIES = (
    (
        re.compile(r"consisten.{0,60}(?:final|last)[\w ]{0,4}epochs"),
        "sustained_test_accuracy_percent",
    ),
    (re.compile(r"consisten|reliabl|always"), "consistent_test_accuracy_percent"),
    (re.compile(r"\bval(?:idation)?\b"), "selected_validation_accuracy_percent"),
    (re.compile(r"\b(?:best|peak|highest|max(?:imum)?)\b"), "best_test_accuracy_percent"),
)
LAST, MEAN = "last_test_accuracy_percent", "mean_test_accuracy_percent"
MEAN_VALIDATION, DEVIATION = "mean_best_validation_accuracy_percent", "test_accuracy_sd_points"
IS_DEVIATION = "is it the standard deviation over runs? It may also be a standard error."


def written(part: Part) -> Iterator[Written]:
    """The numbers of a part that are claims' numbers."""
    words = part.words
    for match in NUMBER.finditer(words):
        before = CLAUSE.split(words[max(0, match.start() - BEFORE) : match.start()])[-1].lower()
        after = CLAUSE.split(words[match.end() : match.end() + AFTER])[0].lower()
        yield _written(part, match, before, after)


def _written(part: Part, match: re.Match[str], before: str, after: str) -> Written:
    digits, unit = match["digits"].replace(",", ""), (match["unit"] or "").strip()
    of_column = UNIT_OF_COLUMN.search(part.said)
    unit = unit or (of_column[1] if of_column else "")
    scale = {"k": Decimal(1000), "K": Decimal(1000), "M": Decimal(10**6)}.get(unit, Decimal(1))
    value = Decimal(digits)
    low, high = (
        bool(RANGE.match(part.words, match.end())),
        bool(re.search(r"\d\s?[-–]\s?$", before)),
    )
    spread = PLUS_MINUS.match(part.words, match.end())
    unit = unit or (spread["unit"] or "" if spread else "").strip()
    bare = APPROXIMATELY.sub("", before)
    said = f"{UNIT_OF_COLUMN.sub('', part.said).strip().lower()[:60]}: " if part.said else ""
    return Written(
        value=float(value * scale),
        half=float(_last_digit(value) * scale / 2),
        percent=unit == "%" or low or (bool(OF_ACCURACIES.search(said)) and "." in digits),
        about=bare != before or unit in ("k", "K", "M"),
        relation=_relation(bare, after),
        words=f"{said}{' '.join(before.split())}{' ' if before.endswith(' ') else ''}§{after}",
        start=part.start + match.start(),
        end=part.start + match.end(),
        low=low,
        high=high,
        spread=Decimal(spread["spread"]) if spread else None,
    )


def _relation(before: str, after: str) -> Relation:
    """What the words around a number say, which are in lower case."""
    related = (name for name, pattern in RELATIONS if pattern.search(before))
    return next(related, "at_least" if after.startswith("+") else "equals")


def relations_in(text: str) -> set[Relation]:
    """What a text says of its numbers: at_least of "≥ 70 %", equals of "70 %"."""
    words = text.lower()
    return {
        _relation(APPROXIMATELY.sub("", words[: match.start()]), words[match.end() :])
        for match in NUMBER.finditer(words)
    }


def _last_digit(value: Decimal) -> Decimal:
    """One unit of the last digit: 0.01 of 99.35, 100 of 8500, 1 of 0."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < 0 or not value:
        return Decimal(1).scaleb(min(exponent, 0))
    return Decimal(1).scaleb(value.normalize().as_tuple().exponent)  # type: ignore[arg-type]


def _of_numbers(part: Part) -> Iterator[Proposal]:
    n_dropouts = 0
    for number in written(part):
        spoken = WORD.search(number.words)  # every rule is about words; this spares rows of numbers
        rule = next((rule for rule in RULES if rule.fits(number)), None) if spoken else None
        if rule is not None and rule.metric == DROPOUT:
            n_dropouts += 1
            found = _by_rule(rule, number, part)
            yield replace(found, layers=(f"Dropout {n_dropouts}",), doubt="which layer is it?")
        elif rule is not None:
            if rule.metric:
                yield replace(_by_rule(rule, number, part), doubt=rule.doubt)
        elif number.percent and 50 <= number.value <= 100:
            yield from _accuracies(number, part)
        elif part.component and not number.percent:
            yield _proposal(f"n_parameters.{part.component}", number, part)
    yield from _sizes(part)
    yield from _sums(part)


def _by_rule(rule: Rule, number: Written, part: Part) -> Proposal:
    found = _proposal(rule.metric, number, part)
    if rule.metric == SHORT and not part.said:
        relation: Relation = "at_most" if number.high else "at_least"
        metric = "mean_test_shortfall_points"
        return replace(found, metric=metric, relation=relation, tolerance=number.half)
    if rule.metric == GAIN:
        gain = -number.value if LOSS.search(number.words) else number.value
        return replace(found, published=gain, relation="at_least", tolerance=number.half)
    if rule.metric == SHORT:
        return replace(found, relation="equals", tolerance=number.half)
    if rule.metric == "parameters_over_limit":
        under = re.search(r"§\s?(?:under|below)", number.words)
        return replace(found, relation="equals", published=-number.value if under else number.value)
    if rule.scale != "1":
        scaled = float(Decimal(str(number.value)) * Decimal(rule.scale))
        half = found.tolerance * float(rule.scale)
        words = f"{number.value:g}%: {number.value:g} / 100"
        return replace(found, published=scaled, tolerance=half, derivation=words)
    return found


def _accuracies(number: Written, part: Part) -> Iterator[Proposal]:
    """An accuracy, if the words speak of one; the part's whole line says whose."""
    if NOT_OURS.search(number.words) or not ACCURATE.search(number.words):
        return
    metric = next((name for pattern, name in ACCURACIES if pattern.search(number.words)), LAST)
    found = _proposal(metric, number, part)
    if number.spread is not None:
        yield from _mean_and_spread(found, number, number.spread)
        return
    if GOAL.search(number.words):
        found = replace(found, doubt="a goal: of one run, of the mean, or of nine runs of ten?")
    rate = metric.startswith(("consistent", "sustained"))
    bounded = number.relation if not (number.low or number.high) else "at_least"
    bounded = "at_most" if number.high else bounded
    if rate and bounded in ("equals", "above", "at_least"):
        yield replace(found, relation=bounded)
    elif bounded == "equals" or metric != LAST:
        yield replace(found, relation="equals", tolerance=number.half)
    else:
        yield replace(found, metric=MEAN, relation=bounded)


def _mean_and_spread(found: Proposal, number: Written, spread: Decimal) -> Iterator[Proposal]:
    """92.40 ± 0.06 is about several runs: a mean, and how much the runs differ."""
    validated = found.metric.startswith("selected_validation")
    mean = MEAN_VALIDATION if validated else MEAN
    yield replace(found, metric=mean, relation="at_least", tolerance=number.half)
    if not validated:
        half = float(_last_digit(spread) / 2)
        yield replace(
            found,
            metric=DEVIATION,
            published=float(spread),
            relation="at_most",
            tolerance=half,
            doubt=IS_DEVIATION,
        )


def _proposal(metric: str, number: Written, part: Part) -> Proposal:
    value = int(number.value) if number.value.is_integer() else number.value
    return Proposal(
        line=part.line,
        quote=quote_of(part, number.start, number.end),
        metric=metric,
        published=value,
        tolerance=number.half if number.about and number.relation == "equals" else 0.0,
        relation=number.relation,
        aim=bool(AIM.search(number.words) or AIM.search(part.title.lower())),
    )


def quote_of(part: Part, start: int, end: int) -> str:
    """The cell with its row before it; in prose the clause around the place."""
    if part.said or part.component:
        return part.text[part.quoted_from : part.end].strip()
    first = max([0, *(m.end() for m in CLAUSE.finditer(part.text, 0, start))])
    following = CLAUSE.search(part.text, end)
    last = following.start() if following else len(part.text)
    first, last = max(first, start - 80), min(last, end + 60)
    return part.text[first:last].strip()


# --- sizes, sums and words -----------------------------------------------------------------------

SIZE = re.compile(r"(?<![\w.])(\d{1,3})\s?[x×]\s?(\d{1,3})(?:\s?[x×]\s?(\d{1,4}))?(?![\w×])")
FIELD = re.compile(r"\brf\b|receptive field|\bsees?\b|\bseen\b", re.IGNORECASE)
TO_CUT = re.compile(r"\bcutout\W{1,3}(?:(?:of|size|with) ){0,2}(?:a )?$", re.IGNORECASE)
CUT = re.compile(r"\W{1,2}(?:pixels? )?cutout", re.IGNORECASE)
ONE = re.compile(r"\d{1,4}(?:\.\d{1,12})?|\.\d{1,12}")
COLOURS = r"[\[(]\s?((?:0?\.\d{1,12}\s?,\s?){2}0?\.\d{1,12})\s?,?\s?[\])]"
EPOCHS = r"(\d{1,4}(?:\s?,\s?(?:and )?\d{1,4}|\s(?:and|&)\s\d{1,4})"
LATER = r"(?:learning rate|\blr\b|steplr|decay\w{0,3}|milestones?)[^;|]{0,50}\bat epochs?:?\s"
FIRST = r"normalize\(\s?[\[(][\d., ]{9,60}[\])]\s?,\s?"  # the means, before the deviations
LISTS = tuple(
    (re.compile(pattern, re.IGNORECASE), metric, doubt)
    for pattern, metric, doubt in (
        (rf"\bmilestones\s?[=:]?\s?[\[(]\s?{EPOCHS}{{0,9}})", "recipe.step_epochs", PER_EPOCH),
        (rf"{LATER}{EPOCHS}{{1,9}})", "recipe.step_epochs", ""),
        (rf"(?:normalize\(\s?|\bmeans?\s?[=:]\s?){COLOURS}", "recipe.pixel_mean", ""),
        (rf"(?:{FIRST}|\bstds?\s?[=:]\s?){COLOURS}", "recipe.pixel_std", ""),
    )
)
PRODUCT = re.compile(r"(?<![\w.*])\d{1,6}(?:\s?[*×]\s?\d{1,6}){1,8}(?![\w.*])")
SUM = re.compile(r"(?<![\w.+])\d{1,9}(?:\s?\+\s?\d{1,9}){1,8}(?![\w.+])")


def _sizes(part: Part) -> Iterator[Proposal]:
    """Squares as 28x28: a receptive field of the network, where no layer is named, or a cutout."""
    for match in SIZE.finditer(part.words):
        if match[1] != match[2] or match[3] is not None:
            continue
        before = CLAUSE.split(part.words[max(0, match.start() - 45) : match.start()])[-1]
        after = CLAUSE.split(part.words[match.end() : match.end() + 20])[0]
        start, end = part.start + match.start(), part.start + match.end()
        quote, side = quote_of(part, start, end), int(match[1])
        if FIELD.search(f"{part.said} {before} {after}") and not LAYER.search(part.words):
            yield Proposal(part.line, quote, "receptive_field_pixels", published=side)
        elif TO_CUT.search(before) or CUT.match(after):
            metric = f"{CHANGED}.cutout_pixels"
            yield Proposal(part.line, quote, metric, published=side, doubt=SQUARE)


def _lists(part: Part) -> Iterator[Proposal]:
    """Several numbers that are one field of the recipe."""
    for pattern, metric, doubt in LISTS:
        for match in pattern.finditer(part.words):
            start, end = part.start + match.start(1), part.start + match.end(1)
            text = listed(float(digits) for digits in ONE.findall(match[1]))
            yield Proposal(part.line, quote_of(part, start, end), metric, text=text, doubt=doubt)


def _sums(part: Part) -> Iterator[Proposal]:
    """What the document reckons: "(8*3*3*8) + (8*1*1*12) = 672 + 96 = 768"."""
    sides = part.text[part.start : part.end].split("=")  # here a star multiplies
    for left, right in pairwise(sides):
        results = [int(digits) for digits in re.findall(r"(?<![\w.])\d{1,9}(?![\w.])", right)]
        products = [_integers(found[0]) for found in PRODUCT.finditer(left)]
        sums = [_integers(found[0]) for found in SUM.finditer(left)]
        pairs = [("product", *pair) for pair in zip(products, results, strict=False)]
        pairs += [("sum", *pair) for pair in zip(sums, results[:1], strict=False)]
        for metric, numbers, result in pairs:
            given = prod(numbers) if metric == "product" else sum(numbers)
            doubt = "" if given == result else f"the numbers give {given:,}"
            yield Proposal(
                part.line,
                part.text[part.start : part.end].strip(),
                metric,
                subject="document",
                published=result,
                numbers=tuple(numbers),
                doubt=doubt,
            )


def _integers(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d{1,9}", text)]


NOT = r"(?<!\bno )(?<!\bwithout )"


def _word(
    pattern: str, metric: str, text: str = "", **more: object
) -> tuple[re.Pattern[str], Proposal]:
    proposal = Proposal(0, "", metric, text=text, **more)  # type: ignore[arg-type]
    return re.compile(pattern, re.IGNORECASE), proposal


def _done(words: str, metric: str) -> tuple[re.Pattern[str], Proposal]:
    """What is done to images, where no number says how: more than 0 of it."""
    about = f"it is done, so {metric} is above 0"
    pattern = rf"{NOT}(?<!\bno random )(?<!\bwithout random )\b(?:{words})"
    return _word(pattern, f"{CHANGED}.{metric}", published=0, relation="above", derivation=about)


def _default(call: str, metric: str) -> tuple[re.Pattern[str], Proposal]:
    about = f"{call}() of torchvision has p=0.5"
    return _word(rf"\b{call}\(\)", f"{CHANGED}.{metric}", published=0.5, derivation=about)


# Words -> what they say of a recipe; line and quote are left open.
WORDS: tuple[tuple[re.Pattern[str], Proposal], ...] = (
    _word(r"\badamw\b", "recipe.optimizer", "adamw"),
    _word(r"\badam\b", "recipe.optimizer", "adam"),
    _word(r"\bsgd\b", "recipe.optimizer", "sgd"),
    _word(r"\brmsprop\b", "recipe.optimizer", "rmsprop"),
    _word(NOT + r"\bnesterov\b(?!\W{0,3}false)", "recipe.nesterov", "true"),
    _word(r"\bnesterov\W{1,3}false\b", "recipe.nesterov", "false"),
    _word(r"\bone[ -]?cycle", "recipe.schedule", "one_cycle"),
    _word(r"\bcosine\s?anneal(?!\w{0,3}\s?(?:with )?warm)", "recipe.schedule", "cosine"),
    _word(
        r"\bcosine\s?anneal\w{0,3}\s?(?:with )?warm\s?restarts",
        "recipe.schedule",
        "cosine_restarts",
    ),
    _word(r"\b(?:Multi)?StepLR\b", "recipe.schedule", "step"),
    _word(r"\breduce\s?lr\s?on\s?plateau", "recipe.schedule", "plateau"),
    _word(
        r"\bRandomCrop\([^()]{0,60}\bpadding_mode\W{1,3}reflect",
        f"{CHANGED}.crop_padding_mode",
        "reflect",
    ),
    _default("RandomHorizontalFlip", "flip_probability"),
    _default("RandomErasing", "erasing_probability"),
    _done(r"(?:random[ _-]?)?horizontal[ _-]?flip", "flip_probability"),
    _done(r"random[ _-]?erasing", "erasing_probability"),
    _done(r"cutout\b|coarse ?dropout", "cutout_pixels"),
)


def _of_words(part: Part, numbers: Collection[str]) -> Iterator[Proposal]:
    """What words say; that something is done, only where the part says of no number of it."""
    told = set(numbers)
    for pattern, proposal in WORDS:
        match = pattern.search(part.words)
        if match is None or (proposal.relation == "above" and proposal.metric in told):
            continue
        told.add(proposal.metric)
        start, end = part.start + match.start(), part.start + match.end()
        yield replace(proposal, line=part.line, quote=quote_of(part, start, end))


# --- listings of layers --------------------------------------------------------------------------

LAYER = re.compile(
    r"\b(Conv2d|MaxPool2d|AvgPool2d|AdaptiveAvgPool2d|GlobalAvgPool2d|Dropout2d|Dropout|Linear)"
    r"\s?\(([^()]{0,120})"
)
ALIASES = {"GlobalAvgPool2d": "AdaptiveAvgPool2d"}
GROUPS = re.compile(r"\bgroups\s?=\s?(\d{1,4})")
AS_SHAPE = re.compile(r"(?<![\w.])(\d{1,3})\s?[x×]\s?(\d{1,3})\s?[x×]\s?(\d{1,4})(?![\w×])")
AS_FIELD = re.compile(r"\bRF:?\s?(?:of )?(\d{1,3})(?:\s?[x×]\s?\d{1,3})?", re.IGNORECASE)


def _of_layers(part: Part, counts: Counter[str]) -> Iterator[Proposal]:
    """What a line such as `Conv2d(1→6, 3x3)  # 28x28x6, RF: 3x3` says; counts calls of a kind."""
    calls: list[tuple[str, str]] = []
    for kind, inside in LAYER.findall(part.words) if part.code else ():
        name = ALIASES.get(kind, kind)
        counts[name] += 1
        calls.append((f"{name} {counts[name]}", inside))
    quote = part.text[part.start : part.end].strip()[:200].strip()
    for place, (layer, inside) in enumerate(calls):
        comment = "" if place else part.words.partition("#")[2]  # it speaks of the first
        for each in _of_layer(layer, inside, comment):
            yield replace(each, line=part.line, quote=quote, layers=(layer,))


def _of_layer(layer: str, inside: str, comment: str) -> Iterator[Proposal]:
    """What a call's arguments and its comment say; line, quote and layer are left open."""
    if shape := AS_SHAPE.search(comment):
        yield Proposal(0, "", "output_shape", text="x".join(shape.groups()))
    if seen := AS_FIELD.search(comment):
        yield Proposal(0, "", "receptive_field_pixels", published=int(seen[1]))
    if (kernel := SIZE.search(inside)) and kernel[1] == kernel[2]:
        yield Proposal(0, "", "kernel_pixels", published=int(kernel[1]))
    if groups := GROUPS.search(inside):
        yield Proposal(0, "", "groups", published=int(groups[1]))
    if layer.startswith("Dropout") and (share := re.search(r"\d?\.\d{1,6}", inside)):
        yield Proposal(0, "", DROPOUT, published=float(share[0]))
