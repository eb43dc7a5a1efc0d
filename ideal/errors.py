"""Errors that are meant for the user: one line each, saying what, where, what was expected and what to do."""


class IdealError(Exception):
    """The data or the run failed; the command line prints the message alone and exits with 1.

    Attributes:
        refused: path and findings of measurements that were refused, as JSON types; None where the error is of something else.

    """

    refused: dict | None = None


class DataError(IdealError):
    """A measurement file or array cannot be used as it is."""


class MissingDataError(DataError):
    """Data are not on this machine; what stands in their place may do."""


class MissingPackageError(DataError):
    """A package is not installed that reads or writes such files; the message says how to install it."""


class OutOfMemoryError(DataError):
    """What was asked for does not fit into memory; the message names the file and what helps."""


class UsageError(IdealError):
    """An option or argument has no valid meaning; the command line exits with 2."""


class IdealWarning(UserWarning):
    """Something that a user should know; the command line prints it as one line."""


class NoticeWarning(IdealWarning):
    """What is right and should be known all the same; the command line prints it as a note."""


class StorageWarning(IdealWarning):
    """What was to be kept on disk could not be, or could not be read again: work is repeated, and no number suffers."""


class FigureWarning(IdealWarning):
    """A figure lacks something, as letters that no font has."""


class LeftOutWarning(IdealWarning):
    """One of several inputs could not be used, and the others were gone on with."""


class PluginWarning(IdealWarning):
    """What another package adds to ideal cannot be used; the rest goes on without it."""


def missing_extra(package: str, extra: str, purpose: str) -> MissingPackageError:
    """Build the error for an optional dependency that is not installed."""
    return MissingPackageError(f"{purpose} needs the package {package}, which is not installed: pip install 'ideal[{extra}]'")


def unknown_name(what: str, name: str, known) -> str:
    """Return the message for a name that is not known, with the nearest one that is."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{what} {name!r}{hint} (there are: {', '.join(known) or 'none'})"
