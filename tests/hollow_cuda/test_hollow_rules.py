"""The hollow CUDA keeps CUDA's rules of stream capture: what breaks one is refused.

It computes nothing, so nothing here tests a number. Numbers are tested on a CPU and, in the tests
that are marked `gpu`, on a device.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.hollow_cuda.build import HollowCuda

SECONDS_AT_MOST = 120

# Captures what each statement does, one after the other, and tells of each: [error, violations].
CAPTURES = """
import ctypes, json, sys
import torch
from tests.hollow_cuda import inside

cuda = ctypes.CDLL(None)
ones = torch.ones(1000, device="cuda")
pinned, pageable = torch.ones(1000).pin_memory(), torch.ones(1000)
ones.sum().item()  # makes torch's pinned buffer
event = torch.cuda.Event()
other = torch.cuda.Stream()
with torch.cuda.stream(other):
    event.record()
ready = torch.cuda.CUDAGraph()
with torch.cuda.graph(ready):
    ones + 1

def copy(to, source):
    pointers = (ctypes.c_void_p(each.data_ptr()) for each in (to, source))
    stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
    cuda.cudaMemcpyAsync(*pointers, ctypes.c_size_t(4000), 4, stream)

told = {}
for statement in json.load(open(sys.argv[1])):
    before, graph, error = len(inside.violations()), torch.cuda.CUDAGraph(), ""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            exec(statement)
        except RuntimeError as raised:
            error = str(raised).splitlines()[0]
        try:
            graph.capture_end()
        except RuntimeError as raised:
            error = error or str(raised).splitlines()[0]
    if not error:
        graph.replay()
    told[statement] = error, inside.violations()[before:], inside.last_graph()
print(json.dumps(told))
"""
ILLEGAL = {
    "ones.sum().item()": "cudaStreamSynchronize of a capturing stream",
    "torch.cuda.synchronize()": "cudaDeviceSynchronize during a capture",
    # torch itself refuses these two in newer versions, so CUDA is called without it.
    "copy(ones, pageable)": "HtoD 4000 of pageable memory, captured",
    "copy(pageable, ones)": "DtoH 4000 of pageable memory, captured",
    "cuda.cudaMalloc(ctypes.byref(ctypes.c_void_p()), 512)": "cudaMalloc during a capture",
    "cuda.cudaFree(ctypes.c_void_p(ones.data_ptr()))": "cudaFree during a capture",
    "cuda.cudaHostAlloc(ctypes.byref(ctypes.c_void_p()), 512, 0)": "cudaHostAlloc during a capture",
    "ready.replay()": "a graph's launch in a capture",
    "torch.cuda.current_stream().query()": "cudaStreamQuery of a capturing stream",
    "torch.cuda.current_stream().wait_event(event)": "waits for an event from outside",
    "later = torch.cuda.Event(); later.record(); other.wait_event(later)": (
        "waits for an event that was recorded in a capture"
    ),
    "later = torch.cuda.Event(); later.record(); later.query()": "of a captured event",
}
LEGAL = {
    "ones * 2": ["elementwise"],
    "torch.empty(10**8, device='cuda').copy_(ones[0])": [
        "elementwise"
    ],  # new memory, of the graph's own pool
    "ones.copy_(pinned, non_blocking=True)": ["memcpy HtoD 4000"],
    "ones @ ones.view(1000, 1); ones.clone()": ["cublas", "memcpy DtoD 4000"],
}


@pytest.fixture(scope="module")
def told(
    hollow: HollowCuda, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[str, list[str], list[str]]]:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "statements.json").write_text(json.dumps([*LEGAL, *ILLEGAL]), encoding="utf-8")
    (folder / "captures.py").write_text(CAPTURES, encoding="utf-8")
    words = (sys.executable, "captures.py", "statements.json")
    done = hollow.run(*words, folder=folder, timeout=SECONDS_AT_MOST)
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[str, list[str], list[str]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("statement", ILLEGAL)
def test_what_breaks_a_rule_is_refused(
    told: dict[str, tuple[str, list[str], list[str]]], statement: str
) -> None:
    error, violations, _ = told[statement]
    assert error  # so no graph came of it
    if "Cannot prepare for replay" not in error:  # up to torch 2.11, CUDA is not asked
        assert any(ILLEGAL[statement] in each for each in violations), violations


@pytest.mark.parametrize("statement", LEGAL)
def test_what_breaks_none_is_captured_node_by_node(
    told: dict[str, tuple[str, list[str], list[str]]], statement: str
) -> None:
    error, violations, nodes = told[statement]
    assert (error, violations) == ("", [])
    assert len(nodes) == len(LEGAL[statement])
    for part, node in zip(LEGAL[statement], nodes, strict=True):
        assert part in node


def python(hollow: HollowCuda, folder: Path, code: str, **extra: str) -> list[str]:
    """The lines that it prints."""
    words = (sys.executable, "-c", f"import torch; {code}")
    done = hollow.run(*words, folder=folder, timeout=SECONDS_AT_MOST, **extra)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_nothing_is_computed_and_what_is_read_back_is_zero(
    hollow: HollowCuda, tmp_path: Path
) -> None:
    code = "x = torch.ones(3, device='cuda'); print(x.tolist(), (x + 1).sum().item())"
    assert python(hollow, tmp_path, code) == ["[0.0, 0.0, 0.0] 0.0"]


def test_the_host_cannot_touch_the_device_s_memory(hollow: HollowCuda, tmp_path: Path) -> None:
    code = (
        "import ctypes; x = torch.ones(3, device='cuda'); "
        "ctypes.c_float.from_address(x.data_ptr()).value"
    )
    words = (sys.executable, "-c", f"import torch; {code}")
    done = hollow.run(*words, folder=tmp_path, timeout=SECONDS_AT_MOST)
    assert done.returncode < 0  # by a signal


def test_a_card_of_little_memory_runs_out_of_it(hollow: HollowCuda, tmp_path: Path) -> None:
    code = "[torch.empty(2**20, device='cuda') for _ in range(100)]"
    words = (sys.executable, "-c", f"import torch; {code}")
    memory = str(100 << 20)
    done = hollow.run(*words, folder=tmp_path, timeout=SECONDS_AT_MOST, HOLLOW_CUDA_MEMORY=memory)
    assert "OutOfMemoryError" in done.stderr
    assert "100.00 MiB" in done.stderr
