"""LuaJIT in this process: the code that nginx runs (`bench/nginx/redact.lua`), on the same bytes, beside ours."""

import ctypes
import functools
from pathlib import Path

NGINX = Path(__file__).parent / "nginx"
LIBRARY = "libluajit-5.1.so.2"
SOURCE = "Debian packages libluajit2-5.1-2 and lua-cjson, or another LuaJIT with cjson"

# Names in the tables of a Lua state, and what a call returns (lua.h of Lua 5.1).
_GLOBALS = -10002
_TOP = -1
# The body stays in Lua, so that a run of many redactions crosses into Lua once.
_PROGRAM = """
package.path = ... .. "/?.lua;" .. package.path
local redact = require "redact"
function redacted(body) return redact(body) end
function run(body, times) for _ = 1, times do redact(body) end end
"""


class LuaError(Exception):
    """LuaJIT or cjson is not here, or a program failed; says what Lua says."""


class Lua:
    """One Lua state that redacts bodies."""

    def __init__(self) -> None:
        """Start LuaJIT and load the program.

        Raises:
            LuaError: it cannot be done here.
        """
        self._lua = _library()
        self._state = ctypes.c_void_p(self._lua.luaL_newstate())
        self._lua.luaL_openlibs(self._state)
        program = _PROGRAM.encode()
        if self._lua.luaL_loadbuffer(self._state, program, len(program), b"=bench"):
            raise LuaError(self._popped().decode())
        self._push(str(NGINX).encode())
        self._call(arguments=1, results=0)

    def redacted(self, body: bytes) -> bytes:
        """Return what may leave of `body`.

        Raises:
            LuaError: it is no JSON object or array.
        """
        self._lua.lua_getfield(self._state, _GLOBALS, b"redacted")
        self._push(body)
        self._call(arguments=1, results=1)
        return self._popped()

    def run(self, body: bytes, times: int) -> None:
        """Redact `body` so many times, and keep nothing."""
        self._lua.lua_getfield(self._state, _GLOBALS, b"run")
        self._push(body)
        self._lua.lua_pushinteger(self._state, times)
        self._call(arguments=2, results=0)

    def _push(self, data: bytes) -> None:
        self._lua.lua_pushlstring(self._state, data, len(data))

    def _call(self, *, arguments: int, results: int) -> None:
        if self._lua.lua_pcall(self._state, arguments, results, 0):
            raise LuaError(self._popped().decode())

    def _popped(self) -> bytes:
        """Return the text on the top of the stack, and take it off."""
        length = ctypes.c_size_t()
        place = self._lua.lua_tolstring(self._state, _TOP, ctypes.byref(length))
        data = ctypes.string_at(place, length.value) if place else None
        self._lua.lua_settop(self._state, _TOP - 1)
        if data is None:
            raise LuaError("is no text")
        return data


@functools.cache
def _library() -> ctypes.CDLL:
    try:
        lua = ctypes.CDLL(LIBRARY, mode=ctypes.RTLD_GLOBAL)  # cjson takes Lua's functions from the process
    except OSError:
        raise LuaError(f"{LIBRARY} is missing") from None
    state = ctypes.c_void_p
    for name, result, arguments in (
        ("luaL_newstate", state, []),
        ("luaL_openlibs", None, [state]),
        ("luaL_loadbuffer", ctypes.c_int, [state, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p]),
        ("lua_getfield", None, [state, ctypes.c_int, ctypes.c_char_p]),
        ("lua_pcall", ctypes.c_int, [state, ctypes.c_int, ctypes.c_int, ctypes.c_int]),
        ("lua_pushinteger", None, [state, ctypes.c_ssize_t]),
        ("lua_pushlstring", None, [state, ctypes.c_char_p, ctypes.c_size_t]),
        ("lua_settop", None, [state, ctypes.c_int]),
        ("lua_tolstring", state, [state, ctypes.c_int, ctypes.POINTER(ctypes.c_size_t)]),
    ):
        function = getattr(lua, name)
        function.restype, function.argtypes = result, arguments
    return lua
