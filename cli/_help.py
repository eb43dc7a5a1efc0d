"""Help texts that name what the registries hold, looked up when help is asked for."""

from typer.core import TyperCommand


class RegistryHelp(TyperCommand):
    """A command in whose help `{noise}` stands for the names of the noise models, those of other packages among them."""

    def format_help(self, ctx, formatter) -> None:
        """Write the help with the names in place."""
        from ideal.noise import NOISE

        *others, last = NOISE
        for param in self.params:
            if getattr(param, "help", None):
                param.help = param.help.replace("{noise}", f"{', '.join(others)} or {last}")
        super().format_help(ctx, formatter)
