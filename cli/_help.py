"""Help texts that name what the registries hold, looked up when help is asked for, and stand in panels where there are many."""

import copy
from typing import Annotated, Any, get_args

from typer.core import TyperCommand

from ideal.cli import _names

_HELD = {"{noise}": _names.NOISE, "{models}": _names.MODELS, "{studies}": _names.STUDIES}
_OTHERS = "Options"


class RegistryHelp(TyperCommand):
    """A command in whose help `{noise}`, `{models}` or `{studies}` stand for names, those of other packages among them."""

    def format_help(self, ctx, formatter) -> None:
        """Write the help with the names in place."""
        texts = {param: param.help for param in self.params if getattr(param, "help", None)}
        try:
            for param, text in texts.items():
                for mark, place in _HELD.items():
                    if mark in text:
                        *others, last = _names.names_in(place)()
                        text = text.replace(mark, f"{', '.join(others)} or {last}")
                param.help = text
            super().format_help(ctx, formatter)
        finally:
            for param, text in texts.items():  # others may be added before help is asked for again
                param.help = text


class Panels(RegistryHelp):
    """A command whose help lists options below the title of their panel: the option's `rich_help_panel`, which needs no rich."""

    def format_options(self, ctx, formatter) -> None:
        """Write arguments and options, panel by panel in the order of the signature; those without one come last."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                title = "Arguments" if param.param_type_name == "argument" else getattr(param, "rich_help_panel", None) or _OTHERS
                panels.setdefault(title, []).append(record)
        if _OTHERS in panels:
            panels[_OTHERS] = panels.pop(_OTHERS)
        for title, records in panels.items():
            with formatter.section(title):
                formatter.write_dl(records)


def in_panel(option: Any, title: str) -> Any:
    """Return an option that several commands share, an annotated type, in a panel of this title."""
    kind, about = get_args(option)
    about = copy.copy(about)
    about.rich_help_panel = title
    return Annotated[kind, about]
