"""Records: a loop reads what a plan wrote, by name; an array that is not what its record says is refused."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from pellucid.errors import ShapeError
from pellucid.kernels import addresses, jit
from pellucid.kernels.addresses import BYTE
from pellucid.kernels.crew import tasks
from pellucid.kernels.crew.tasks import Row, Task
from pellucid.kernels.dense.matmul import total
from pellucid.kernels.elementwise import plan as elementwise
from pellucid.kernels.records import LATER, Slot, expected, numbers, place, reads, writes


class Pair(NamedTuple):
    rows: int
    columns: int


class Table(NamedTuple):
    many: int
    order: Slot = reads("many", np.dtype(np.int64))


class Work(NamedTuple):
    first: int
    size: Pair
    table: Table
    x: Slot = reads("size.rows size.columns")
    mask: Slot = reads(lambda w: (w.size.rows,), BYTE, optional=True)
    y: Slot = writes("size.columns")
    last: Slot = reads("first")


def work(**other: Any) -> Work:
    arrays = {
        "x": np.zeros((2, 3), np.float32),
        "mask": None,
        "y": np.zeros(3, np.float32),
        "last": np.zeros(7, np.float32),
    }
    return Work(7, Pair(2, 3), Table(4, np.arange(4)), **(arrays | other))


def test_numbers_stand_in_a_row_and_arrays_are_addresses_that_are_held() -> None:
    record, held = work(), []
    row = numbers(record, held)
    x, y, last, order = (addresses.own(a) for a in (record.x, record.y, record.last, record.table.order))
    assert row == [7, 2, 3, 4, order, x, 0, y, last]
    assert [place(record, field) for field in Work._fields] == [0, 1, 3, 5, 6, 7, 8]
    assert all(any(array is one for one in held) for array in (record.x, record.y, record.last, record.table.order))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"x": np.zeros((3, 2), np.float32)}, r"Work.x: an array must be float32 \(2, 3\) in C order here, got"),
        ({"x": np.zeros((2, 3))}, r"Work.x: .* got float64"),
        ({"x": np.zeros((3, 2), np.float32).T}, r"Work.x: .* with strides \(4, 8\)"),
        ({"x": None}, "Work.x: there must be an array here"),
        ({"mask": np.zeros(2, np.float32)}, r"Work.mask: an array must be uint8 \(2,\)"),
        ({"y": np.broadcast_to(np.float32(0), (3,))}, "Work.y: an array must be float32"),
        ({"table": Table(5, np.arange(4))}, r"Table.order: an array must be int64 \(5,\)"),
    ],
)
def test_an_array_that_is_not_what_its_record_says_is_named(other: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        numbers(work()._replace(**other), [])


def test_what_is_to_be_written_must_be_writable() -> None:
    y = np.zeros(3, np.float32)
    y.flags.writeable = False
    with pytest.raises(ShapeError, match=r"Work.y: .* is to be written, and is read-only"):
        numbers(work(y=y), [])


def test_what_comes_later_is_0_and_says_where_it_will_be() -> None:
    record = Work(7, Pair(2, 3), Table(4, np.arange(4)), y=np.zeros(3, np.float32), last=np.zeros(7, np.float32))
    assert {name: each[:2] for name, each in expected(record).items()} == {"x": (5, (2, 3)), "mask": (6, (2,))}
    assert numbers(record._replace(x=LATER, mask=LATER), [])[5:7] == [0, 0]
    with pytest.raises(ShapeError, match=r"Work.x: there must be an array here"):
        numbers(record, [])


@pytest.mark.usefixtures("needs_numba")
def test_a_loop_reads_the_record_that_a_plan_wrote() -> None:
    vectors = jit.load("vectors.records")
    numba = pytest.importorskip("numba")

    @numba.njit
    def read(address: int) -> tuple[int, ...]:
        w = vectors.read(Work, address)
        return w.first, w.size.rows, w.size.columns, w.table.many, w.table.order, w.x, w.mask, w.y, w.last

    row = np.array(numbers(work(), []), np.int64)
    assert read(addresses.own(row)) == tuple(row)


@pytest.mark.usefixtures("needs_numba")
def test_a_row_takes_what_its_record_left_open_and_nothing_else() -> None:
    row = total(2, 3)
    parts, y = np.ones((2, 3), np.float32), np.zeros(3, np.float32)
    assert row.shape("parts") == (2, 3)
    assert row.filled({"parts": parts, "y": y, "b": None})[tasks.BEFORE :].tolist() == [
        2, 3, 0, addresses.own(parts), addresses.own(y), 0,
    ]  # fmt: skip
    for wrong in ({"parts": parts, "y": y}, {"parts": parts, "y": y, "b": None, "x": y}):
        with pytest.raises(ShapeError, match=r"Total: there must be parts, y, b here, got parts, y"):
            row.filled(wrong)
    with pytest.raises(ShapeError, match=r"Total.parts: an array must be float32 \(2, 3\)"):
        row.filled({"parts": parts.T, "y": y, "b": None})
    with pytest.raises(ShapeError, match=r"Total.y: there must be an array here"):
        row.filled({"parts": parts, "y": None, "b": None})


@pytest.mark.usefixtures("needs_numba")
def test_a_number_may_come_with_each_call() -> None:
    code, kind = jit.load("elementwise.loops"), elementwise.Dropping
    x, scale = np.ones(5, np.float32), np.ones(1, np.float32)
    row = Row(code.dropout, 1, kind(5, least=7, x=x, y=x.copy(), scale=scale))
    assert row.filled({"second": 2, "first": 1})[tasks.BEFORE :].tolist()[:4] == [5, 1, 2, 7]


@pytest.mark.usefixtures("needs_numba")
def test_a_task_looks_again_before_it_starts() -> None:
    assert tasks.CHECK
    a, task = np.ones((2, 3), np.float32), Task()
    task.add(total(2, 3), parts=a, y=np.zeros(3, np.float32), b=None)
    a.resize((2, 30), refcheck=False)
    with pytest.raises(ShapeError, match="Total"):
        task.run()
