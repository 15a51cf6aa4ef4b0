"""Instructions of processors that count bits, for compiled code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import config
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
