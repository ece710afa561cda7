"""Gives the emulator the clock of the estate: the time that the file named by ESTATE_CLOCK holds (seconds since 1970).

Python imports a module of this name at its start if it is on PYTHONPATH. Without ESTATE_CLOCK nothing changes.
The clock stands still until seed.py turns it, so that the same estate gets the same times whenever it is made.
"""
import os

if "ESTATE_CLOCK" in os.environ:
    import datetime
    import time

    def _seconds():
        with open(os.environ["ESTATE_CLOCK"]) as file:
            return float(file.read())

    class _AnyDatetime(type):
        def __instancecheck__(cls, value):
            return isinstance(value, _RealDatetime)

        def __subclasscheck__(cls, other):
            return issubclass(other, _RealDatetime)

    _RealDatetime = datetime.datetime

    class _EstateDatetime(_RealDatetime, metaclass=_AnyDatetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(_seconds(), tz) if tz else cls.utcnow()

        @classmethod
        def utcnow(cls):
            return cls.fromtimestamp(_seconds(), datetime.timezone.utc).replace(tzinfo=None)

    datetime.datetime = _EstateDatetime
    time.time = _seconds
