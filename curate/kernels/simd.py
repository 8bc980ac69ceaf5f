"""Operations that numba lacks: several bytes read at once, as a number or as a mask with one bit per byte.

Each is a few lines of LLVM's portable vector code, compiled to the processor's own instructions. None checks bounds: the caller's
arrays have PADDING bytes after the last one that is read. Byte order is little-endian, as on every processor numba compiles for.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BLOCK = 64
"""Bytes covered by one mask."""
PADDING = 64
"""Bytes that must follow a text, so that kernels may read past its end."""

_WORD, _MASK = ir.IntType(64), ir.VectorType(ir.IntType(8), BLOCK)


def _instruction(generate: Callable[..., Any]) -> Any:
    """A function that kernels can call. numba passes its typing context before the argument types; code is generated per call."""
    return intrinsic(generate)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any, kind: Any) -> Any:
    """Pointer of type `kind` to byte `index` of a uint8 array."""
    data = cgutils.create_struct_proxy(array_type)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


@_instruction
def load_word(typing: Any, array: Any, index: Any) -> Any:
    """Eight bytes at `index` as a little-endian uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature.args[0], arguments[0], arguments[1], _WORD), align=1)

    return types.uint64(array, types.int64), generate


@_instruction
def store_word(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Write a uint64 as eight bytes at `index`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _address(context, builder, signature.args[0], arguments[0], arguments[1], _WORD), align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@_instruction
def bytes_between(typing: Any, array: Any, index: Any, low: Any, n: Any) -> Any:
    """Bit b of the uint64 is set if byte `index` + b is in low:low + n."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = builder.load(_address(context, builder, signature.args[0], arguments[0], arguments[1], _MASK), align=1)
        lowest, number = (_spread(builder, argument) for argument in arguments[2:])
        return builder.bitcast(builder.icmp_unsigned("<", builder.sub(found, lowest), number), _WORD)

    return types.uint64(array, types.int64, types.uint8, types.uint8), generate


def _spread(builder: Any, byte: Any) -> Any:
    one = builder.insert_element(ir.Constant(_MASK, ir.Undefined), byte, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, ir.Constant(_MASK, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), None))


@_instruction
def count_ones(typing: Any, value: Any) -> Any:
    """Number of set bits of a uint64, int64."""
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(arguments[0])


@_instruction
def trailing_zeros(typing: Any, value: Any) -> Any:
    """Position of the lowest set bit of a uint64, int64; 64 if none."""
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))
