"""Instructions of processors that work on several numbers at once, for compiled code: on the weights of those inputs of
a row x alone that are not 0, which bits mark, 64 of them in a word."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

WORD = 64  # inputs that are marked in one
REGISTER = 64  # bytes; where a processor has shorter ones, several stand for it
REGISTERS = 4  # which hold the units that are worked on at once
_bit, _lane, _word = ir.IntType(1), ir.IntType(32), ir.IntType(64)
_index = types.int64


@intrinsic
def marked(typing: Any, x: Any, start: Any) -> Any:
    """Return a word with a bit for each of the 64 numbers of x from `start` on, which is 1 if that is not 0."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        number = context.get_value_type(signature.args[0].dtype)
        many = ir.VectorType(number, WORD)
        place = builder.bitcast(builder.gep(array.data, [values[1]]), many.as_pointer())
        numbers = builder.load(place, align=signature.args[0].dtype.bitwidth // 8)
        return builder.bitcast(builder.fcmp_unordered("!=", numbers, ir.Constant(many, [0.0] * WORD)), _word)

    return types.int64(x, _index), code


def _over_marked(transposed: bool) -> Any:
    """Return a function for compiled code that goes over those inputs j of a row x that are marked, with as many units
    as the registers hold: z ← z + Σ_j x_j w_j; or transposed, w_j ← w_j + x_j z for each of them.

    Its arguments are the marks, where those of the row begin, and how many words they are; the numbers of X, and where
    x begins; the weights, where the first row of them begins, and how far each is from the next; and the numbers of Z,
    and where z begins. All arrays are of one dimension.
    """

    @intrinsic
    def over_marked(
        typing: Any, marks: Any, first: Any, words: Any, X: Any, x: Any, W: Any, w: Any, next_w: Any, Z: Any, z: Any
    ) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            def place(array: int) -> Any:
                made = context.make_array(signature.args[array])(context, builder, values[array])
                return builder.gep(made.data, [values[array + 1]])

            def register(start: Any, r: int) -> Any:
                return builder.gep(builder.bitcast(start, several.as_pointer()), [_word(r)])

            def blocks(*names: str) -> list[Any]:
                return [builder.function.append_basic_block(name) for name in names]

            def begin(block: Any, *values: Any) -> list[Any]:
                """Begin a block that is come to with such values, and later with others; return those that it has."""
                before = builder.block
                builder.branch(block)
                builder.position_at_end(block)
                made = [builder.phi(value.type) for value in values]
                for phi, value in zip(made, values, strict=True):
                    phi.add_incoming(value, before)
                return made

            def repeat(block: Any, made: list[Any], *values: Any) -> None:
                for phi, value in zip(made, values, strict=True):
                    phi.add_incoming(value, builder.block)
                builder.branch(block)

            kind = signature.args[5].dtype
            size, lanes = kind.bitwidth // 8, REGISTER * 8 // kind.bitwidth
            several = ir.VectorType(context.get_value_type(kind), lanes)
            to_all, anything = ir.Constant(ir.VectorType(_lane, lanes), [0] * lanes), ir.Constant(several, ir.Undefined)
            words, next_w, its_z = values[2], values[7], place(8)
            of_word, some, of_bit, one, no_more, end = blocks("word", "some", "bit", "one", "no_more", "end")

            held = [builder.load(register(its_z, r), align=size) for r in range(REGISTERS)]
            of_words = begin(of_word, _word(0), place(0), place(3), place(5), *([] if transposed else held))
            q, its_marks, its_x, its_w, *sums = of_words
            builder.cbranch(builder.icmp_signed("<", q, words), some, end)
            builder.position_at_end(some)

            of_bits = begin(of_bit, builder.load(its_marks), *sums)
            left, *totals = of_bits
            builder.cbranch(builder.icmp_unsigned("!=", left, _word(0)), one, no_more)
            builder.position_at_end(one)
            j = builder.cttz(left, _bit(1))
            factor = builder.load(builder.gep(its_x, [j]))
            factors = builder.shuffle_vector(builder.insert_element(anything, factor, _lane(0)), anything, to_all)
            row, added = builder.gep(its_w, [builder.mul(j, next_w)]), list[Any]()
            for r in range(REGISTERS):
                old = builder.load(register(row, r), align=size)
                total, those = (old, held[r]) if transposed else (totals[r], old)
                product = builder.fmul(factors, those, flags=("contract",))  # which may be rounded with the sum
                new = builder.fadd(total, product, flags=("contract",))
                if transposed:
                    builder.store(new, register(row, r), align=size)
                else:
                    added.append(new)
            repeat(of_bit, of_bits, builder.and_(left, builder.sub(left, _word(1))), *added)

            builder.position_at_end(no_more)
            next_word = builder.gep(its_w, [builder.mul(_word(WORD), next_w)])
            ahead = [builder.gep(its_marks, [_word(1)]), builder.gep(its_x, [_word(WORD)]), next_word]
            repeat(of_word, of_words, builder.add(q, _word(1)), *ahead, *totals)
            builder.position_at_end(end)
            for r, total in enumerate(sums):
                builder.store(total, register(its_z, r), align=size)
            return context.get_dummy_value()

        return types.void(marks, _index, _index, X, _index, W, _index, _index, Z, _index), code

    return over_marked


add_rows, add_to_rows = _over_marked(transposed=False), _over_marked(transposed=True)
