"""Share a loop among processor threads: whoever is free takes the next part of it.

The thread that has work to share publishes a loop and takes part in it. Workers look for work without Python's lock,
and take parts that nobody has taken yet. No thread waits for another to begin: on a machine with other work, where a
worker gets no core, the first thread does all parts itself; and where one has lost its core in the midst of a part,
none is asked for a while. Which thread does a part changes no digit, as each part writes its own share of the result,
and how many parts there are is given.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import platform
import threading
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from nncli.nn.buffers import zeros
from nncli.system.compiling import compiled

LINE = 8  # numbers in a cache line: each of these has its own, so that a look at one does not slow changes of another
PARTS, TICKET, DONE, FUNCTION, ARGUMENTS, BUSY, ENDED, ALONE, PENALTY = range(0, 9 * LINE, LINE)
BITS = 16  # of the ticket, that count the parts which are taken; those above count the loops
YIELD = 20  # looks for work after which a thread lets others have the core
LOOKS = 100_000  # in vain, before a worker begins to sleep between them: some milliseconds
# Looks for the end of a part, a millisecond or so, after which its thread has lost its core to other work: for so many
# loops nobody is asked to help then, twice as many each time.
LATE = 60_000
FEWEST, MOST = 256, 16_384
PAUSE = 500  # microseconds of such a sleep
WORD = ir.IntType(64)
TASK = ir.FunctionType(ir.VoidType(), [WORD, WORD, WORD])  # the address of the arguments, a part, and their number

if os.name == "posix":
    _usleep = types.ExternalFunction("usleep", types.int32(types.uint32))
    _sched_yield = types.ExternalFunction("sched_yield", types.int32())
else:  # threads look for work without a rest there

    @compiled
    def _usleep(microseconds: int) -> None:
        pass

    @compiled
    def _sched_yield() -> None:
        pass


class Pool:
    """Threads that share loops, while `begin` has been called and `end` has not. The caller is one of them."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.memory = zeros(9 * LINE, np.int64)
        self.memory[PARTS] = threads
        self.memory[TICKET] = (1 << BITS) - 1  # there is no loop yet
        self._workers: list[threading.Thread] = []

    def begin(self) -> None:
        """Start the other threads, or as many of them as the system lets: those that there are do all parts."""
        if config.DISABLE_JIT or self.threads == 1:
            return
        self.memory[ENDED] = 0
        _serve.compile(_serve_types(self.memory))  # here, where the compiler's messages can be heard
        atexit.register(self.end)
        with contextlib.suppress(RuntimeError):
            for _ in range(self.threads - 1):
                worker = threading.Thread(target=_serve, args=(self.memory,), daemon=True, name="kernels")
                worker.start()
                self._workers.append(worker)

    def end(self) -> None:
        """End the other threads; all loops are done by then."""
        self.memory[ENDED] = 1
        for worker in self._workers:
            worker.join()
        self._workers.clear()
        atexit.unregister(self.end)


def _serve_types(memory: Any) -> Any:
    from numba import typeof

    return (typeof(memory),)


@intrinsic
def _load(typing: Any, memory: Any, place: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load_atomic(_pointer(context, builder, signature, values), ordering="seq_cst", align=8)

    return types.int64(memory, types.int64), code


@intrinsic
def _store(typing: Any, memory: Any, place: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _pointer(context, builder, signature, values)
        builder.store_atomic(values[2], pointer, ordering="seq_cst", align=8)
        return context.get_dummy_value()

    return types.void(memory, types.int64, types.int64), code


@intrinsic
def _add(typing: Any, memory: Any, place: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.atomic_rmw("add", _pointer(context, builder, signature, values), values[2], "seq_cst")

    return types.int64(memory, types.int64, types.int64), code


@intrinsic
def _swap(typing: Any, memory: Any, place: Any, old: Any, new: Any) -> Any:
    """Put `new` in the place of `old`; tell whether that was there."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _pointer(context, builder, signature, values)
        return builder.extract_value(builder.cmpxchg(pointer, values[2], values[3], "seq_cst", "seq_cst"), 1)

    return types.boolean(memory, types.int64, types.int64, types.int64), code


def _pointer(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, values[0])
    return builder.gep(array.data, [values[1]])


@intrinsic
def _rest(typing: Any) -> Any:
    """Wait for some cycles, in which another thread of the same core can work."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if platform.machine() in ("x86_64", "AMD64"):
            nothing = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, nothing, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), code


@intrinsic
def _call(typing: Any, function: Any, arguments: Any, part: Any, parts: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.call(builder.inttoptr(values[0], TASK.as_pointer()), values[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), code


def task_of(loop: Any) -> Any:
    """Return a function, for compiled code, from the arguments of a loop, as a tuple, to the addresses of a function
    that does a part of it and of the arguments, which last as long as the caller."""
    if config.DISABLE_JIT:
        return lambda arguments: (loop, arguments)

    @intrinsic
    def task(typing: Any, arguments: Any) -> Any:
        own = (*arguments.types, types.int64, types.int64)
        types.Dispatcher(loop).get_call_type(typing, own, {})  # which compiles it

        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            slot = cgutils.alloca_once_value(builder, values[0])
            found = loop.get_compile_result(types.void(*own))
            context.active_code_library.add_linking_library(found.library)
            function = ir.Function(builder.module, TASK, builder.module.get_unique_name("task"))
            function.linkage = "internal"
            inner = ir.IRBuilder(function.append_basic_block())
            address, part, parts = function.args
            kept = cgutils.unpack_tuple(inner, inner.load(inner.inttoptr(address, slot.type)), len(arguments.types))
            callee = context.declare_function(builder.module, found.fndesc)
            context.call_conv.call_function(inner, callee, types.void, own, [*kept, part, parts])
            inner.ret_void()
            return context.make_tuple(
                builder, signature.return_type, [builder.ptrtoint(function, WORD), builder.ptrtoint(slot, WORD)]
            )

        return types.UniTuple(types.int64, 2)(arguments), code

    return task


@compiled
def _take(memory: Any) -> bool:
    """Do the next part of the loop that is published; tell whether there was one to take."""
    ticket = _load(memory, TICKET)
    part, parts = ticket & ((1 << BITS) - 1), memory[PARTS]
    if part >= parts:
        return False
    function, arguments = _load(memory, FUNCTION), _load(memory, ARGUMENTS)
    if _swap(memory, TICKET, ticket, ticket + 1):  # else somebody else has that part
        _call(function, arguments, part, parts)
        _add(memory, DONE, 1)
    return True


@compiled
def _run(memory: Any, function: Any, arguments: Any) -> None:
    parts = memory[PARTS]
    is_mine = parts > 1 and _swap(memory, BUSY, 0, 1)  # else another Python thread shares a loop at the moment
    if is_mine and memory[ALONE] > 0:
        memory[ALONE] -= 1
        _store(memory, BUSY, 0)
        is_mine = False
    if not is_mine:
        for part in range(parts):
            _call(function, arguments, part, parts)
        return
    _store(memory, FUNCTION, function)
    _store(memory, ARGUMENTS, arguments)
    _store(memory, DONE, 0)
    _store(memory, TICKET, ((_load(memory, TICKET) >> BITS) + 1) << BITS)
    while _take(memory):
        pass
    looks = 0
    while _load(memory, DONE) < parts:
        looks += 1
        _rest()
        if looks % YIELD == 0:
            _sched_yield()
    if looks > LATE:
        memory[PENALTY] = min(2 * memory[PENALTY], MOST)
        memory[ALONE] = memory[PENALTY]
    else:
        memory[PENALTY] = max(memory[PENALTY] - 1, FEWEST)
    _store(memory, BUSY, 0)


@compiled
def _serve(memory: Any) -> None:
    """Do what is published, until the end."""
    looks = 0
    while _load(memory, ENDED) == 0:
        if _take(memory):
            looks = 0
            continue
        looks += 1
        _rest()
        if looks > LOOKS:
            _usleep(PAUSE)
        elif looks % YIELD == 0:
            _sched_yield()


def _run_in_python(memory: Any, loop: Any, arguments: Any) -> None:
    for part in range(memory[PARTS]):
        loop(*arguments, part, int(memory[PARTS]))


share = _run_in_python if config.DISABLE_JIT else _run
