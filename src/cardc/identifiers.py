"""Any text to a name that C, C++, Tcl and make all take."""

from __future__ import annotations

import hashlib
import re

# C99 to C23 and C++20 with its alternative tokens, what <stdint.h> and <string.h> declare, and names that
# a linker or an HLS tool knows: a model may be called any of these.
_RESERVED = frozenset(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
    char32_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
    constinit continue decltype default delete do double dynamic_cast else enum explicit export
    extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
    nullptr operator or or_eq private protected public register reinterpret_cast requires restrict
    return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned using
    virtual void volatile wchar_t while xor xor_eq fortran final override import module int8_t
    int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t uintptr_t intmax_t uintmax_t
    size_t ptrdiff_t null offsetof memcpy memmove memset memcmp strlen strcmp abs exit abort malloc
    free printf main errno std hls ap_int ap_uint ap_fixed ap_ufixed nnet linux unix i386 arm
    """.split()  # noqa: SIM905 (a list of 150 quoted words is harder to read)
)
_LONGEST = 31  # C99 5.2.4.1: significant initial characters of an external name


def identifier(name: str, taken: set[str] | None = None) -> str:
    """A name for any text: ASCII letters, digits and single underscores, at most 31 characters.

    It starts with a letter, holds no `__` (reserved in C++), ends in no `_` and is no keyword. With `taken`,
    the result differs from every name in it, upper and lower case ignored (names also become macros), and is
    added to it: two tensors never share a name. Same calls in the same order, same names.
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "x"
    if plain[0].isdigit():
        plain = f"n{plain}"
    if plain.lower() in _RESERVED:
        plain = f"{plain}_x"
    if len(plain) > _LONGEST:
        mark = hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:8]
        plain = f"{plain[: _LONGEST - 9].rstrip('_')}_{mark}"
    if taken is None:
        return plain
    used = {other.lower() for other in taken}
    unique, count = plain, 1
    while unique.lower() in used:
        count += 1
        tail = f"_{count}"
        unique = plain[: _LONGEST - len(tail)].rstrip("_") + tail
    taken.add(unique)
    return unique
