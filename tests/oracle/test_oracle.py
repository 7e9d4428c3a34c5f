"""Two programs from one text: what `bench` says, and what the standard library alone makes of it.

The oracle was written from docs/protocol.md and docs/claims.md before its author had read
`bench.stats` or `bench.evidence`. It reads the committed records, measures and claims.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import exact
from tests.support import ROOT, bench, text_of, words_of

# Each with the number of networks that its table has.
DOCUMENTS = {
    "README.md": 5,
    "docs/record.md": 8,
    "docs/search-log.md": 21,
    "reports/reference/report.md": 21,
}
Q, ALPHA = Fraction(9, 10), Fraction(1, 20)


@pytest.fixture(scope="module")
def oracle() -> Any:
    return _answer(ROOT)


def _answer(folder: Path) -> Any:
    """With -S no installed package can be imported, with -E no variable counts."""
    command = [sys.executable, "-S", "-E", "-W", "error", "-m", "tests.oracle"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def claims() -> dict[str, Any]:
    """What the command says of each claim."""
    done = bench(ROOT, "claims", "--suite", "reference", "--json")
    return {each["id"]: each for each in json.loads(done.stdout)}


def leaderboard(document: str) -> dict[str, list[str]]:
    """The cells of each network in the document's headline table."""
    lines = text_of(document).splitlines()
    start = next(i for i, each in enumerate(lines) if "<br>mean ± sd | Runs<br>" in each)
    rows = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[re.findall(r"\[(.*)\]", name)[0]] = cells
    return rows


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_headline_table_is_what_the_records_give(document: str, oracle: Any) -> None:
    rows = leaderboard(document)
    assert len(rows) == DOCUMENTS[document]
    assert rows == {name: oracle["rows"][name] for name in rows}


def test_the_search_log_leaves_out_no_declared_network(oracle: Any) -> None:
    ours = {"P4m", "Fine", "Averaged", "Stack", "SiLU"}
    networks = {name for name in oracle["rows"] if name.split()[0] in ours and "," in name}
    ablations = {name for name in networks if re.search(r"4,988, ", name)}
    assert networks - ablations <= leaderboard("docs/search-log.md").keys()


def test_every_claim_has_the_oracles_verdict(oracle: Any, claims: dict[str, Any]) -> None:
    expected = {each["id"]: each["verdict"] for each in oracle["claims"]}
    assert len(expected) == 327
    assert {name: each["verdict"] for name, each in claims.items()} == expected


def test_every_measured_number_is_the_oracles(oracle: Any, claims: dict[str, Any]) -> None:
    expected = {each["id"]: each["measured"] for each in oracle["claims"]}
    words = {name: each for name, each in expected.items() if isinstance(each, str)}
    numbers = {name: each for name, each in expected.items() if isinstance(each, int | float)}
    assert (len(words), len(numbers)) == (50, 262)
    assert {name: claims[name]["measured"] for name in words} == words
    shown = {name: claims[name]["measured"] for name in numbers}
    assert shown == pytest.approx(numbers, rel=0, abs=5.1e-7)  # six digits are shown
    assert all(claims[name]["measured"] is None for name, each in expected.items() if each is None)


def test_rules_say_the_oracles_intervals_and_chances(oracle: Any, claims: dict[str, Any]) -> None:
    n_checked: Counter[str] = Counter()
    for each in oracle["claims"]:
        rule = claims[each["id"]]["rule"]
        if each["interval"]:
            form = ".3g" if each["metric"].endswith("_loss") else ".3f"
            low, high = (format(end, form) for end in each["interval"])
            words = (f"{low} to {high}", f"bounds of the rate {low} and {high} against 0.90")
            assert words["rate" in rule] in rule
        if each["p"]:
            alone, corrected = (f"{p:.3f}" for p in each["p"])
            assert f"p {alone}, {corrected} corrected by Holm for 6 comparisons of this" in rule
        n_checked.update({name: 1 for name in ("interval", "p") if each[name]})
    assert n_checked == {"interval": 45, "p": 6}


def test_undecided_claims_need_as_many_seeds_as_the_oracle_says(
    oracle: Any, claims: dict[str, Any]
) -> None:
    needs = {each["id"]: each["more"] for each in oracle["claims"] if each["more"]}
    assert len(needs) == 9
    for name, more in needs.items():
        plural = "s" if more[0] != 1 else ""
        words = f"needs at least {more[0]:,} more seed{plural}"
        if len(more) == 2:  # a rate
            words += f" to be confirmed, {more[1]} to be refuted"
        assert claims[name]["rule"].endswith(words)


def test_the_report_tallies_the_lines_as_the_oracle_does(oracle: Any) -> None:
    report = text_of("reports/reference/report.md")
    total: dict[str, Counter[str]] = {}
    for lines in oracle["lines"].values():
        for column, verdicts in lines.items():
            total[column] = total.get(column, Counter()) + Counter(verdicts)
    columns = ("each once", "runs", "structure", "document", "words")
    verdicts = {verdict for counts in total.values() for verdict in counts}
    for verdict in verdicts:
        cells = " | ".join(str(total[column][verdict]) for column in columns)
        shown = {"inconsistent": "contradicts itself"}.get(verdict, verdict)
        assert f"\n| {shown} | {cells} | " in report
    assert len(verdicts) == 7


def test_the_report_begins_with_what_the_oracle_counts(oracle: Any) -> None:
    lines = Counter(oracle["lines"]["session6"]["each once"])
    fails = lines["refuted"] + lines["not consistent"] + lines["inconsistent"]
    judged = lines.total() - lines["not checkable"]
    said = f"Of {judged} lines of the README that can be judged, {fails} do not hold and"
    assert f"\n{said} {lines['undecided']} are undecided.\n" in text_of(
        "reports/reference/report.md"
    )


def test_sentences_about_the_record_say_the_oracles_numbers(oracle: Any) -> None:
    best = oracle["rows"]["P4m stack 4,988"]
    assert best[:2] == ["99.605 ± 0.043", "61 runs<br>99.49"]
    assert best[4:6] == ["61 of 61<br>0.920 to 1.000", "confirmed (uncorrected: confirmed)"]
    record = words_of("docs/record.md")
    for words in (
        "all of its 61 runs reached the target",
        "The worst run has 9,949 of 10,000 images right. The mean is 99.605 %.",
        "The lower bound of the rate is 0.920, corrected for our eight attempts.",
    ):
        assert words in record
    attempts = leaderboard("docs/record.md")
    assert [name for name, cells in attempts.items() if cells[5].startswith("confirmed")] == [
        "P4m stack 4,988"
    ]


# ---- the oracle itself, by hand


def test_the_oracle_imports_the_standard_library_alone() -> None:
    allowed = {*sys.stdlib_module_names, "tests"}
    for path in (ROOT / "tests/oracle").glob("[!t]*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed, path.name
            assert all(name.startswith("tests.oracle") for name in names if "tests" in name)


def test_it_can_be_read_in_half_an_hour() -> None:
    lines = [
        line
        for path in (ROOT / "tests/oracle").glob("[!t]*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert sum(bool(line.strip()) for line in lines) < 620


@pytest.mark.parametrize(("misses", "n"), [(0, 29), (1, 46), (2, 61), (3, 76)])
def test_the_fewest_runs_that_allow_so_many_misses(misses: int, n: int) -> None:
    assert exact.proves(n - misses, n, Q, ALPHA)
    assert not exact.proves(n - 1 - misses, n - 1, Q, ALPHA)


def test_bounds_of_two_of_two_are_the_root_of_alpha() -> None:
    low, high = exact.bounds(2, 2, (Fraction(1, 4), Fraction(1, 4)), exact.proves)
    assert (low, high) == (0.5, 1.0)  # p^2 is 1/4 at a half


def test_evidence_of_one_hit_against_one_half() -> None:
    # Rates from 1/2 to 1, all alike, give a hit with 3/4 on average: 3/4 by 1/2.
    assert exact.evidence(1, 1, Fraction(1, 2)) == Fraction(3, 2)
    # One hit of two: the mean of 2p(1-p) is 1/3, by 1/2.
    assert exact.evidence(1, 2, Fraction(1, 2)) == Fraction(2, 3)


def test_a_look_at_thirty_runs_spends_the_chance_of_thirty_hits() -> None:
    assert exact.spent(30, Q, ALPHA) == Q**30
    assert exact.spent(10, Q, ALPHA) == 0  # even ten of ten prove nothing
    # Two misses of four have a chance of 0.0523, three of four of 0.0037.
    assert exact.spent(4, 1 - Q, ALPHA) == Fraction(37, 10_000)


def test_false_verdicts_are_as_rare_as_the_protocol_says() -> None:
    """Exact: the runs that have not been decided yet, by their hits, one run at a time."""
    confirmed, refuted = (_false_verdicts(rate, n_looks=200) for rate in (Q, 1 - Q))
    table = words_of("docs/protocol.md")
    for name, chance in (("confirmed", confirmed), ("refuted", refuted)):
        row = f"| confidence sequence, falsely {name} | true rate 0.90, a look after every run |"
        assert f"{row} up to 200 | 5.0 % | {100 * chance:.1f} % |" in table


def _false_verdicts(rate: Fraction, n_looks: int) -> float:
    undecided, false, least = {0: 1.0}, 0.0, 0
    for n in range(1, n_looks + 1):
        after: Counter[int] = Counter()
        for k, chance in undecided.items():
            after[k + 1] += chance * float(rate)
            after[k] += chance * float(1 - rate)
        while least <= n and not exact.proves_at_any_look(least, n, rate, ALPHA):
            least += 1  # more runs never need fewer hits
        false += sum(chance for k, chance in after.items() if k >= least)
        undecided = {k: chance for k, chance in after.items() if k < least}
    return false


@pytest.mark.parametrize(
    ("level", "df", "expected"),
    [
        (0.975, 1, 12.7062),
        (0.975, 4, 2.7764),
        (0.975, 60, 2.0003),
        (0.95, 9, 1.8331),
        (0.975, 1e6, 1.96),
    ],
)
def test_quantiles_of_t_are_those_of_printed_tables(
    level: float, df: float, expected: float
) -> None:
    assert exact.t_quantile(level, df) == pytest.approx(expected, abs=5e-5)


def test_permutations_of_two_pairs() -> None:
    # Six deals; only the observed one and its mirror lie as far apart.
    assert exact.permutation_p([1, 2], [3, 4]) == Fraction(1, 3)
    assert exact.permutation_p([5, 5], [5, 5]) == 1


def test_holm_by_hand() -> None:
    values = [Fraction(n, 100) for n in (4, 1, 3)]
    assert exact.holm(values) == [Fraction(n, 100) for n in (6, 3, 6)]


def test_a_changed_record_changes_the_answer(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("*.safetensors", "__pycache__")
    for folder in ("tests/oracle", "claims", "docs", "results/reference"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    missed = []
    for path in sorted(tmp_path.glob("results/reference/mnist/model_3/seed-*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        # The arm by another network's recipe lies in the same folder.
        if not record["recipe"]["ema_decay"] and record["epochs"][-1]["test_correct"] < 9_940:
            missed.append((path, record))
    assert len(missed) == 5
    for path, record in missed[:2]:
        record["epochs"][-1]["test_correct"] = 9_940
        path.write_text(json.dumps(record), encoding="utf-8")
    changed = _answer(tmp_path)
    assert changed["rows"]["Model_3"][4].startswith("7 of 10<br>")
    assert changed["rows"]["Model_3"][5].startswith("undecided<br>")  # refuted before
    assert changed["rows"]["Model_2"][4].startswith("7 of 10<br>")
