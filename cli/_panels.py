"""Help of a command with many options, in panels."""

import copy
from typing import Annotated, Any, get_args

from ideal.cli._help import RegistryHelp

_OTHERS = "Options"


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
