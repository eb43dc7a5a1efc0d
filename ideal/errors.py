"""Errors that are meant for the user: one line each, saying what, where, what was expected and what to do."""


class IdealError(Exception):
    """The data or the run failed; the command line prints the message alone and exits with 1."""


class DataError(IdealError):
    """A measurement file or array cannot be used as it is."""


class UsageError(IdealError):
    """An option or argument has no valid meaning; the command line exits with 2."""


def missing_extra(package: str, extra: str, purpose: str) -> UsageError:
    """Build the error for an optional dependency that is not installed."""
    return UsageError(f"{purpose} needs the package {package}, which is not installed: pip install 'ideal[{extra}]'")
