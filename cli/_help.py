"""Help texts that name what the registries hold, looked up when help is asked for, and stand in panels where there are many."""

from typing import Any

from typer.core import TyperCommand

from ideal.cli import _names

_HELD = {"{noise}": _names.NOISE, "{models}": _names.MODELS, "{studies}": _names.STUDIES}
OBJECTS, OUTPUT, _OTHERS = "Objects, light and noise", "Output", "Options"
# Panels of the options that several commands share.
_OF_NOISE = ("noise", "sigma", "gain", "offset", "read_noise", "camera")
_SHARED = {**dict.fromkeys(_OF_NOISE, OBJECTS), "as_json": OUTPUT, "debug": OUTPUT}


class RegistryHelp(TyperCommand):
    """A command in whose help `{noise}`, `{models}` or `{studies}` stand for names, those of other packages among them."""

    def format_help(self, ctx, formatter) -> None:
        """Write the help with the names in place."""
        params: list[Any] = [param for param in self.params if getattr(param, "help", None)]
        texts = [param.help for param in params]
        try:
            for param in params:
                for mark in (mark for mark in _HELD if mark in param.help):
                    *others, last = _names.names_in(_HELD[mark])()
                    param.help = param.help.replace(mark, f"{', '.join(others)} or {last}")
            super().format_help(ctx, formatter)
        finally:
            for param, text in zip(params, texts, strict=True):  # others may be added before help is asked for again
                param.help = text


class Several(RegistryHelp):
    """A command whose options take several values in a row where they may be repeated: --photons 30 100."""

    def parse_args(self, ctx, args: list[str]) -> list[str]:
        """Repeat the name of such an option before each further value."""
        many = {name for param in self.params if getattr(param, "multiple", False) for name in param.opts}
        given: list[str] = []
        option, has_value = None, False
        for text in args:
            if text.startswith("-") and not text[1:2].isdigit():
                name, equals, _ = text.partition("=")
                option, has_value = name if name in many else None, bool(equals)
            elif option is not None:
                given += [option] if has_value else []
                has_value = True
            given.append(text)
        return super().parse_args(ctx, given)


class Panels(RegistryHelp):
    """A command whose help lists options below the title of their panel: the option's `rich_help_panel`, which needs no rich."""

    def format_options(self, ctx, formatter) -> None:
        """Write arguments and options, panel by panel in the order of the signature; those without one come last."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                own = getattr(param, "rich_help_panel", None) or _SHARED.get(param.name or "", _OTHERS)
                panels.setdefault("Arguments" if param.param_type_name == "argument" else own, []).append(record)
        if _OTHERS in panels:
            panels[_OTHERS] = panels.pop(_OTHERS)
        for title, records in panels.items():
            with formatter.section(title):
                formatter.write_dl(records)
