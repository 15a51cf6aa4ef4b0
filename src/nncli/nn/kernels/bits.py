"""Instructions of processors, for compiled code: they count bits, and fetch what is needed soon."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic


@intrinsic
def _lowest_bit(typing: Any, word: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), code


@intrinsic
def _bits_of(typing: Any, word: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ctpop(values[0])

    return types.int64(types.int64), code


def lowest_bit_in_python(word: Any) -> int:
    return (int(word) & -int(word)).bit_length() - 1


def bits_of_in_python(word: Any) -> int:
    return (int(word) & (1 << 64) - 1).bit_count()


# the place of the lowest bit of a word that is not 0; and how many bits of a word are 1
lowest_bit, bits_of = (lowest_bit_in_python, bits_of_in_python) if config.DISABLE_JIT else (_lowest_bit, _bits_of)


@intrinsic
def _fetch(typing: Any, a: Any, place: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        address = builder.bitcast(builder.gep(array.data, [values[1]]), ir.IntType(8).as_pointer())
        kinds = [ir.IntType(8).as_pointer(), *[ir.IntType(32)] * 3]
        fetch = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), kinds), "llvm.prefetch.p0"
        )
        builder.call(fetch, [address, *(ir.Constant(ir.IntType(32), one) for one in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(a, types.intp), code


def fetch_in_python(a: Any, place: int) -> None:
    pass


# begin to bring a number of an array from memory into the cache, which goes on beside other work; it need not be there
fetch = fetch_in_python if config.DISABLE_JIT else _fetch
