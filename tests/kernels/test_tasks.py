"""Tasks: every piece once, in the order that rows ask for, whoever helps; nobody inside afterwards."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from kernels.processes import python
from pellucid import kernels
from pellucid.kernels import jit, set_num_threads
from pellucid.kernels.addresses import own as address
from pellucid.kernels.crew import tasks, threads
from pellucid.kernels.crew.tasks import Row, Task
from pellucid.kernels.crew.workers import LINE
from pellucid.kernels.dense import matmul
from pellucid.kernels.dense.records import Times
from pellucid.kernels.winograd import plan as winograd

pytestmark = pytest.mark.usefixtures("needs_numba", "threads")


def sums(task: Task, a: np.ndarray, *, wait: bool = True) -> np.ndarray:
    """A row of work that adds up the rows of a (K, N): where the result will be. One piece."""
    y = np.zeros(a.shape[1], np.float32)
    task.add(matmul.total(*a.shape), parts=a, y=y, b=None, wait=wait)
    return y


def products(task: Task, x: np.ndarray, w: np.ndarray, part: int, scratch: int = 0) -> np.ndarray:
    """A row of work: x·w, by `part` rows of w to a piece: (pieces, N)."""
    pieces = -(-len(x) // part)
    y = np.zeros((pieces, w.shape[1]), np.float32)
    record = Times(len(x), part, w.shape[1], pieces, x=x, w=w, y=y)
    task.add(Row(jit.load("dense.row").times, pieces, record, scratch))
    return y


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_rows_wait_for_the_rows_before(count: int) -> None:
    set_num_threads(count)
    rng = np.random.default_rng(0)
    x, w = rng.random(999, np.float32), rng.random((999, 40), np.float32)
    for _ in range(100):
        task = Task()
        parts = products(task, x, w, 7)
        total = sums(task, parts)
        again = sums(task, total[None])
        task.run()
        assert np.allclose(total, x.astype(np.float64) @ w, rtol=1e-5)
        assert np.array_equal(again, total)


def test_helpers_do_all_the_pieces_of_a_task_that_lies_at_their_door() -> None:
    set_num_threads(2)
    workers = threads.helpers()
    assert workers is not None
    x, w = np.ones(64, np.float32), np.ones((64, 16), np.float32)
    task = Task()
    parts = products(task, x, w, 4)
    table = task.table()
    memory = np.zeros(64, np.uint8)
    head = task.head(table, memory, 2)
    door = (workers.door - workers.address) // 8
    for _ in range(1000):
        workers.wake()
        workers.bell[door] = address(head)
        time.sleep(0.001)
        workers.bell[door] = 0
        if head[2 * LINE] == task.pieces:
            break
    while workers.bell[door + LINE]:  # somebody is inside
        time.sleep(0.001)

    assert head[2 * LINE] == task.pieces
    assert (parts == 4).all()


def test_callers_at_once_do_not_disturb_each_other() -> None:
    set_num_threads(2)
    rng = np.random.default_rng(0)
    w = rng.random((500, 33), np.float32)
    right: list[bool] = []

    def work(seed: int) -> None:
        x = np.random.default_rng(seed).random(500, np.float32)
        for _ in range(300):
            task = Task()
            parts = products(task, x, w, 11)
            total = sums(task, parts)
            task.run()
            right.append(np.allclose(total, x @ w, rtol=1e-4))

    callers = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for caller in callers:
        caller.start()
    for threads_now in (1, 2, 4, 2):
        set_num_threads(threads_now)
        time.sleep(0.01)
    for caller in callers:
        caller.join(60)

    assert right == [True] * 900


@pytest.mark.parametrize(("count", "pieces", "seats"), [(1, 5, 1), (2, 5, 2), (7, 5, 5), (7, 1, 1)])
def test_scratch_memory_is_that_of_the_threads_that_can_take_part(
    monkeypatch: pytest.MonkeyPatch, count: int, pieces: int, seats: int
) -> None:
    asked: list[int] = []
    real = tasks.scratch

    def scratch(name: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        asked.extend(shape)
        return real(name, shape, dtype)

    monkeypatch.setattr(tasks, "scratch", scratch)
    set_num_threads(count)
    task = Task()
    x, w = np.ones(pieces, np.float32), np.ones((pieces, 3), np.float32)  # held: the task knows addresses only
    parts = products(task, x, w, 1, scratch=100)
    task.run()

    assert (parts == 1).all()
    assert asked == [seats * 448]  # 400 bytes, in whole cache lines


def test_a_process_ends_while_helpers_watch() -> None:
    code = """
import numpy as np
from pellucid.kernels import Window
from pellucid.kernels.winograd import plan as winograd
x, w = np.ones((8, 20, 20, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
for _ in range(3):
    y = winograd.forward(x, w, None, Window((3, 3)))
print(y.sum() == y.size * 144)
"""
    for _ in range(5):
        assert python(code, PELLUCID_NUM_THREADS="2") == "True\n"


def test_a_process_ends_while_a_thread_of_the_users_computes() -> None:
    code = """
import threading, time
import numpy as np
from pellucid.kernels import Window
from pellucid.kernels.winograd import plan as winograd
x, w = np.ones((8, 20, 20, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
def work():
    while True:
        winograd.forward(x, w, None, Window((3, 3)))
work_once = winograd.forward(x, w, None, Window((3, 3)))
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
print("ended")
"""
    for _ in range(8):
        assert python(code, PELLUCID_NUM_THREADS="2") == "ended\n"


def test_a_handler_that_computes_too_does_not_take_the_scratch_memory_away(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    small, large = (rng.random((2, 12, 12, c), np.float32) for c in (16, 64))
    w, w_large = rng.random((3, 3, 16, 16), np.float32), rng.random((3, 3, 64, 64), np.float32)
    window = kernels.Window((3, 3))
    wanted = winograd.forward(small, w, None, window)
    real = Task.head

    def interrupted(task: Task, *arguments: Any) -> Any:
        head = real(task, *arguments)
        monkeypatch.setattr(Task, "head", real)
        winograd.forward(large, w_large, None, window)
        return head

    threads._local.__dict__.pop("tasks", None)
    monkeypatch.setattr(Task, "head", interrupted)
    assert np.array_equal(winograd.forward(small, w, None, window), wanted)


def test_more_threads_than_cores_work_too() -> None:
    code = """
import numpy as np
from pellucid.kernels import Window
from pellucid.kernels.winograd import plan as winograd
x, w = np.ones((8, 20, 20, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
print(all((winograd.forward(x, w, None, Window((3, 3))) == 144).all() for _ in range(50)))
"""
    assert python(code, PELLUCID_NUM_THREADS="7") == "True\n"
