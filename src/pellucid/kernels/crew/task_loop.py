"""Work that its caller and helpers share without going back to Python; `kernels.crew.tasks` writes the tables.

A table is a list of rows, each some work cut into pieces: (address of a function, its first piece, pieces needed,
arguments …). The caller and its helpers all run `work`: each draws the number of the next piece from one counter, finds
its row, waits until the pieces that the row builds on are done, calls function(address of the arguments, piece in the
row, scratch memory), and counts it as done. A helper that comes late, or not at all, delays nothing.

A task lies in four cache lines. The first holds the address of `join`, for helpers (`crew.waiting`); that of the
table, and the bytes in a row of it; that of scratch memory, and its bytes for each seat; the pieces; the seats. The
others count the pieces drawn, the pieces done, and the helpers that are inside.
"""

from __future__ import annotations

from pellucid.kernels.crew.waiting import call, give_way, wait
from pellucid.kernels.jit import by_address, compiled, inner
from pellucid.kernels.vectors.memory import LINE, add, exchange, integers, peek, replace


@inner
def work(task, seat):
    """Do pieces until there are none left."""
    head = integers(task)
    table, width, scratch, pieces = head[1], head[2], head[3] + seat * head[4], head[5]
    if seat >= head[6]:
        return
    while True:
        piece = add(task + LINE, 1)
        if piece >= pieces:
            return
        while integers(table + width)[1] <= piece:
            table += width
        row = integers(table)
        wait(task + 2 * LINE, row[2])
        call(row[0], table + 24, piece - row[1], scratch)
        add(task + 2 * LINE, 1)


@by_address
def join(task, seat, _):
    """A helper's part."""
    work(task, seat)


@compiled
def alone(row, scratch):
    """The only piece of a task: of a row, its function and its arguments."""
    call(integers(row)[0], row + 24, 0, scratch)


@compiled
def lead(task, door):
    """The caller's part: let helpers in, if they have a door and nobody else has taken it, and work until all is done
    and no helper is inside.

    From letting in to seeing off nothing can raise, not even Ctrl-C: nobody is left with addresses of dead arrays.
    """
    taken = door != 0 and replace(door, 0, task)
    work(task, 0)
    wait(task + 2 * LINE, integers(task)[5])
    if taken:
        exchange(door, 0)
        while peek(door + LINE) != 0 or peek(task + 3 * LINE) != 0:
            give_way()
