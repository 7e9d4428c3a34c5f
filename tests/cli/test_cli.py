"""The commands as a person meets them, each in a real process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from bench.errors import as_called
from tests.support import IN_A_WORKER, environment

Bench = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
TINY = ("--dataset", "mnist5k", "--arch", "tiny")


def records(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("results/*/*/*/seed-*.json")}


def test_help_and_typing_errors_answer_without_torch_and_pandas() -> None:
    script = (
        "import sys; sys.argv[1:] = {words!r}\n"
        "import bench.cli\n"
        "try: bench.cli.main()\n"
        "except SystemExit: pass\n"
        "assert not {{'torch', 'pandas'}} & set(sys.modules), 'a heavy package was imported'\n"
    )
    for words in (
        ["--help"],
        ["export", "--help"],
        ["all", "--help"],
        ["all", "--seeds", "0"],
        ["--version"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", script.format(words=words)],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_all_trains_once_then_only_what_is_missing(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    source = write_architecture("tiny")
    first = bench("all", *TINY, "--seeds", "2")
    assert first.returncode == 0, first.stderr
    assert "plan: 2 runs (4 epochs) to train, 0 there already" in first.stdout
    assert first.stdout.rstrip().splitlines()[-1].endswith("reports/index.html")
    two = records(tmp_path)
    assert len(two) == 2

    (portrait,) = tmp_path.glob("results/local/portraits/tiny-*.json")
    measured = portrait.read_bytes()

    again = bench("all", *TINY, "--seeds", "2", "--jobs", "1")  # another command line
    assert portrait.read_bytes() == measured
    assert "all 2 runs are there, nothing to train" in again.stdout
    assert records(tmp_path) == two

    more = bench("train", *TINY, "--seeds", "4", "--jobs", "1")
    assert "plan: 2 runs (4 epochs) to train, 2 there already" in more.stdout
    four = records(tmp_path)
    assert len(four) == 4
    assert two.items() <= four.items()

    source.write_text(
        source.read_text().replace("peak_learning_rate=0.01", "peak_learning_rate=0.02")
    )
    edited = bench("train", *TINY, "--seeds", "1")
    assert "plan: 1 runs" in edited.stdout
    assert len(records(tmp_path)) == 5


def test_a_recipe_is_changed_for_one_command_and_the_report_says_how(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    other = write_architecture("other")
    other.write_text(
        other.read_text().replace("peak_learning_rate=0.01", "peak_learning_rate=0.03")
    )
    tiny = (*TINY, "--arch", "tiny", "--seeds", "1")
    bench("train", *tiny)
    changed = bench("train", *tiny, "--recipe-of", "other", "--with", "ema_decay=0.5")
    assert changed.returncode == 0, changed.stderr
    assert "plan: 1 runs" in changed.stdout
    recipes = [json.loads(content)["recipe"] for content in records(tmp_path).values()]
    assert [(r["peak_learning_rate"], r["ema_decay"]) for r in recipes].count((0.03, 0.5)) == 1
    portraits = [json.loads(p.read_bytes()) for p in tmp_path.glob("results/local/portraits/*")]
    assert [p["recipe"]["peak_learning_rate"] for p in portraits] == [0.01]
    bench("train", *tiny, "--with", "ema_decay=0.5")
    assert bench("report").returncode == 0
    told = (tmp_path / "reports" / "report.md").read_text()
    assert "peak_learning_rate=0.03, ema_decay=0.5" in told
    assert "tiny · ema_decay=0.5" in told


def test_a_record_says_what_made_it(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    done = bench("train", *TINY, "--seeds", "7-7", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    (content,) = records(tmp_path).values()
    record = json.loads(content)
    assert record["schema"] == 1
    assert record["status"] == "completed"
    assert record["seed"] == 7
    assert record["n_parameters"] == 4 * 9 + 4 + 40 + 10
    assert record["dataset"]["name"] == "mnist5k"
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2]
    assert record["recipe"]["batch_size"] == 500
    assert record["environment"]["command"] == (
        "python -m bench train --dataset mnist5k --arch tiny --seeds 7-7 --jobs 1"
    )
    text = content.decode()
    assert str(Path.home()) not in text or str(Path.home()) == "/"
    (weights,) = tmp_path.glob("results/local/mnist5k/tiny/*.safetensors")
    assert load_file(weights)["head.weight"].shape == (10, 4)


WRONG = {  # network -> what it does in training, what becomes of its run, and why
    "raises": ("raise ValueError('on purpose')", "failed", "ValueError: on purpose"),
    "diverges": ("images = images * float('nan')", "diverged", "epoch 1, step 1"),
    "dies": ("os.abort()", "failed", "exit code -6"),
}


def test_a_run_that_goes_wrong_is_a_record_and_the_others_go_on(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    for name, (does, _, _) in WRONG.items():
        write_architecture(name, before=f"if self.training and {IN_A_WORKER}: {does}")
    words = ("--dataset", "mnist5k", "--seeds", "1", "--epochs", "1", "--jobs", "1")
    done = bench("all", *words)
    assert done.returncode == 3, done.stderr
    for name, (_, status, reason) in WRONG.items():
        (wrong,) = tmp_path.glob(f"results/local/mnist5k/{name}/seed-*.json")
        record = json.loads(wrong.read_bytes())
        assert record["status"] == status
        assert reason in record["reason"]
    assert len(list(tmp_path.glob("results/local/mnist5k/tiny/seed-*.json"))) == 1
    assert (tmp_path / "reports" / "index.html").exists()

    again = bench("all", *words)
    assert again.returncode == 3
    assert "nothing to train" in again.stdout
    for name in WRONG:
        assert f"failed earlier: results/local/mnist5k/{name}/seed-0000-" in again.stderr


def test_a_worker_that_was_killed_from_outside_leaves_no_record_and_is_tried_again(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    """The system's memory killer sends signal 9; nothing says that the network would fail."""
    killer = tmp_path / "killer"
    killer.touch()
    kill = f"os.path.exists({str(killer)!r}) and os.kill(os.getpid(), signal.SIGKILL)"
    write_architecture("tiny", before=f"self.training and {IN_A_WORKER} and {kill}")
    words = ("train", "--dataset", "mnist5k", "--seeds", "1", "--epochs", "1")
    killed = bench(*words)
    assert killed.returncode == 3, killed.stderr
    assert "exit code -9" in killed.stdout
    assert not list(tmp_path.glob("results/**/seed-*.json"))
    killer.unlink()
    again = bench(*words)
    assert again.returncode == 0, again.stderr
    assert len(list(tmp_path.glob("results/**/seed-*.json"))) == 1


def test_a_network_that_no_run_could_train_is_refused_before_any_run(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    """Exit code 2 where it is named; told, and the others run, where it is found by a scan."""
    output = "self.head(self.pool(self.features(images)).flatten(1))"
    path = write_architecture("pair", output=f"({output}, 1) if self.training else {output}")
    words = ("train", "--dataset", "mnist5k", "--seeds", "1", "--epochs", "1")
    named = bench(*words, "--arch", "pair")
    assert named.returncode == 2
    line = 1 + path.read_text().splitlines().index("    def forward(self, images):")
    assert named.stderr == (
        "error: architecture 'pair': a trial of its training failed: its output in training mode "
        f"is a tuple, not a tensor (500, 10) ({path}:{line}): return one tensor in training mode, "
        "too; it has no auxiliary outputs\n"
    )
    assert not (tmp_path / "results").exists()
    write_architecture("tiny", before="print('from the network')")
    scanned = bench(*words)
    assert scanned.returncode == 3
    assert "skipped: architecture 'pair'" in scanned.stderr
    assert [each.parent.name for each in tmp_path.glob("results/**/seed-*.json")] == ["tiny"]
    assert "from the network" not in scanned.stdout
    assert "from the network" in scanned.stderr


def test_a_network_is_itself_whatever_its_neighbours_do(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    """Its weights are those that it has alone, and its neighbours' modules are theirs."""
    words = ("train", "--dataset", "mnist5k", "--seeds", "1", "--epochs", "1")
    for lab, width in (("lab_a", 4), ("lab_b", 16)):
        source = (
            "from _blocks import WIDTH\nfrom torch import nn\nfrom bench.spec import Recipe\n"
            "RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3, batch_size=500)\n"
            "class Network(nn.Sequential):\n    def __init__(self):\n        super().__init__("
            "nn.Conv2d(1, WIDTH, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, 10))\n"
        )
        path = write_architecture(f"net_{lab}", source, group=lab)
        (path.parent / "_blocks.py").write_text(f"WIDTH = {width}\n")
    networks = ("--arch", "net_lab_a", "--arch", "net_lab_b")
    done = bench(*words, *networks)
    assert done.returncode == 0, done.stderr
    records = [json.loads(each.read_bytes()) for each in tmp_path.glob("results/**/seed-*.json")]
    found = {each["architecture"]: each["n_parameters"] for each in records}
    assert found == {"net_lab_a": 90, "net_lab_b": 330}

    write_architecture("tiny")
    assert bench(*words, "--arch", "tiny", "--suite", "alone").returncode == 0
    write_architecture("a_patch", after="\nimport torch\nnn.functional.cross_entropy = None\n")
    write_architecture("double", after="\nimport torch\ntorch.set_default_dtype(torch.float64)\n")
    beside = bench(*words, "--suite", "beside")
    assert beside.returncode == 3
    assert "'a_patch': its code changes torch.nn.functional.cross_entropy" in beside.stderr
    assert "'double': its code changes torch's default dtype" in beside.stderr
    digests = [
        json.loads(each.read_bytes())["weights_sha256"]
        for suite in ("alone", "beside")
        for each in tmp_path.glob(f"results/{suite}/mnist5k/tiny/seed-*.json")
    ]
    assert len(digests) == 2
    assert digests[0] == digests[1]


def test_inspect_prints_json_for_scripts(bench: Bench) -> None:
    done = bench("inspect", "model_2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["n_parameters"] == 7262
    assert sum(found["components"].values()) == 7262
    assert {"name", "operation", "output_shape", "n_parameters", "receptive_field", "jump"} <= set(
        found["layers"][0]
    )


def test_inspect_prints_tables_for_people(bench: Bench) -> None:
    done = bench("inspect", "model_3", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    for text in ("7,518", "SE Attention", "256", "field"):
        assert text in done.stdout


def test_list_names_every_plug_in(bench: Bench) -> None:
    done = bench("list")
    assert done.returncode == 0, done.stderr
    for text in ("architecture model_1: Model_1", "data set mnist5k", "measure parameters"):
        assert text in done.stdout


def test_the_starter_runs(bench: Bench, tmp_path: Path) -> None:
    done = bench("new", "mine")
    assert done.returncode == 0, done.stderr
    assert "NETWORK_NAME" not in (tmp_path / "architectures/mine.py").read_text()
    words = ("--dataset", "mnist5k", "--seeds", "1", "--epochs", "1")
    run = bench("train", *words, "--arch", "mine")
    assert run.returncode == 0, run.stderr
    assert "1 of 1 runs" in run.stdout
    (record,) = (tmp_path / "results").rglob("seed-*.json")
    right = json.loads(record.read_bytes())["epochs"][-1]["test_correct"]
    mean = f"mine: mean {right / 10:.3f} % over 1 run"  # of mnist5k's 1,000 test images
    assert run.stdout.splitlines()[-2:] == [mean, "next: python -m bench report --suite local"]
    hidden = bench("train", *words, "--arch", "mine", "--no-test", "--results", "my runs")
    last = "next: python -m bench report --suite local --results 'my runs'"
    assert [hidden.stdout.count("mean"), hidden.stdout.splitlines()[-1]] == [0, last]


def test_new_never_replaces_a_file(bench: Bench, tmp_path: Path) -> None:
    bench("new", "mine")
    path = tmp_path / "architectures/mine.py"
    path.write_text("my work")
    done = bench("new", "mine")
    assert done.returncode == 2
    assert "the file exists" in done.stderr
    assert path.read_text() == "my work"


README = "# A net\n\nOn CIFAR-10 it has **7,262 parameters** and 99.4% test accuracy.\n"


def test_new_drafts_the_claims_of_a_readme(bench: Bench, tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text(README)
    done = bench("new", "mine", "--from", "README.md")
    assert done.returncode == 0, done.stderr
    assert "made claims/mine.toml: 2 claims to check; then: python -m bench" in done.stdout
    assert "made architectures/mine.py" in done.stdout
    words = ("--check", "--file", "claims/mine.toml", "--document", "README.md")
    checked = bench("claims", *words)
    assert (checked.returncode, checked.stderr) == (0, "")
    draft = tmp_path / "claims/mine.toml"
    kept = draft.read_bytes()
    again = bench("new", "mine", "--from", "README.md")
    assert again.returncode == 2
    assert "the file exists (claims/mine.toml)" in again.stderr
    assert draft.read_bytes() == kept


def test_new_leaves_an_architecture_that_exists_as_it_is(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(README)
    bench("new", "mine")
    path = tmp_path / "architectures/mine.py"
    path.write_text("my work")
    done = bench("new", "mine", "--from", "README.md")
    assert done.returncode == 0, done.stderr
    assert path.read_text() == "my work"
    # A document about networks at hand needs no new one.
    (tmp_path / "README.md").write_text("# Mine\n7,262 parameters\n")
    other = bench("new", "other", "--from", "README.md")
    assert other.returncode == 0, other.stderr
    assert 'subject = "mine"' in (tmp_path / "claims/other.toml").read_text()
    assert not (tmp_path / "architectures/other.py").exists()


def test_a_draft_is_about_the_networks_at_hand_by_their_display_names(
    bench: Bench, write_architecture: Write, tmp_path: Path
) -> None:
    """Without a name the file of claims is called as the document is; no network is made."""
    for name, shown in {"plain": "PlainNet", "slim": "SlimNet"}.items():
        path = write_architecture(name)
        path.write_text(f"{path.read_text()}\nDISPLAY_NAME = {shown!r}\n")
    (tmp_path / "My README.md").write_text("PlainNet: 7,262 parameters\nslim net: 72 parameters\n")
    done = bench("new", "--from", "My README.md")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "claims/my_readme.toml").read_text()
    assert re.findall(r"subject = .*", text) == ['subject = "plain"', 'subject = "slim"']
    assert 'networks = ["plain", "slim"]' in text
    (tmp_path / "README.md").write_text("It has 7,262 parameters.\n")
    done = bench("new", "other", "--from", "README.md")
    assert "made architectures" not in done.stdout
    assert 'subject = "plain"' in (tmp_path / "claims/other.toml").read_text()
    assert {path.name for path in (tmp_path / "architectures").glob("*.py")} == {
        "plain.py",
        "slim.py",
    }


def test_new_without_a_name_needs_a_document(bench: Bench) -> None:
    done = bench("new")
    assert done.returncode == 2
    assert "no name (new): give a NAME, or --from README.md" in done.stderr


def test_new_makes_no_architecture_beside_a_runner(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "runners").mkdir()
    (tmp_path / "runners/mine.toml").touch()
    done = bench("new", "mine", "--from", "README.md")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "claims/mine.toml").exists()
    assert not (tmp_path / "architectures").exists()


@pytest.mark.parametrize(
    ("document", "name", "said"),
    [
        ("absent.md", "mine", "unreadable"),
        (".", "mine", "no plain file"),
        ("binary.md", "mine", "unreadable"),
        ("words.md", "mine", "no number that a claim can use"),
        ("words.md", "../up", "bad name"),
    ],
)
def test_a_draft_of_nothing_is_one_line_and_writes_nothing(
    bench: Bench, tmp_path: Path, document: str, name: str, said: str
) -> None:
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe\x00 99.4% accuracy")
    (tmp_path / "words.md").write_text("# A net\n\nIt is elegant.\n")
    done = bench("new", name, "--from", document)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"binary.md", "words.md"}


@pytest.mark.parametrize("name", ["../up", "Mine", "1st", "a b", ""])
def test_new_refuses_names_that_no_module_can_have(bench: Bench, tmp_path: Path, name: str) -> None:
    done = bench("new", name)
    assert done.returncode == 2
    assert "bad name" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_mnist_auto_says_plainly_what_it_uses_instead(
    bench: Bench, write_architecture: Write
) -> None:
    write_architecture("tiny")
    # An unreachable proxy makes the mirrors fail at once, wherever the test runs.
    away = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = bench("train", "--arch", "tiny", "--seeds", "1", "--epochs", "1", **away)
    assert done.returncode == 0, done.stderr
    assert "Notice:" in done.stdout
    assert "not comparable" in done.stdout
    refused = bench("train", "--dataset", "mnist", "--arch", "tiny", "--seeds", "1", **away)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_a_network_that_ends_in_a_softmax_trains_with_a_notice(
    bench: Bench, write_architecture: Write
) -> None:
    head = "self.head(self.pool(self.features(images)).flatten(1))"
    for name, end in {"tiny": "softmax", "plain": "log_softmax"}.items():
        write_architecture(name, output=f"{head}.{end}(1)")
    done = bench("train", "--dataset", "mnist5k", "--seeds", "1", "--epochs", "1")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert (
        "Notice: 'tiny' returns probabilities, and the loss applies the softmax a second time: "
        "return logits or log-probabilities"
    ) in said
    assert "'plain' returns" not in said


def test_a_network_that_cannot_be_fused_trains_as_written_with_a_notice(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny", before="images = images if images.sum() > 0 else -images")
    done = bench("train", "--dataset", "mnist5k", "--seeds", "1", "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert "Notice: 'tiny' trains without the faster step: torch.fx" in done.stdout
    (path,) = tmp_path.glob("results/local/mnist5k/tiny/seed-*.json")
    assert json.loads(path.read_bytes())["numerics"]["path"] == "eager"


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("/usr/bin/manyseeds", "manyseeds train"),
        ("/home/me/bench/__main__.py", "python -m bench train"),
    ],
)
def test_a_message_names_its_commands_as_the_user_calls_the_program(
    monkeypatch: pytest.MonkeyPatch, called: str, said: str
) -> None:
    monkeypatch.setattr(sys, "argv", [called, "claims"])
    assert as_called("no runs of 'a': python -m bench train") == f"no runs of 'a': {said}"
