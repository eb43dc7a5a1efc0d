"""Help texts that name what the registries hold, looked up when help is asked for."""

from typer.core import TyperArgument, TyperCommand, TyperOption


class RegistryHelp(TyperCommand):
    """A command in whose help `{noise}` stands for the names of the noise models, those of other packages among them."""

    def format_help(self, ctx, formatter) -> None:
        """Write the help with the names in place."""
        from ideal.noise import NOISE

        *others, last = NOISE
        ours = [param for param in self.params if isinstance(param, TyperArgument | TyperOption)]
        texts = {param: param.help for param in ours if param.help is not None and "{noise}" in param.help}
        try:
            for param, text in texts.items():
                param.help = text.replace("{noise}", f"{', '.join(others)} or {last}")
            super().format_help(ctx, formatter)
        finally:
            for param, text in texts.items():  # others may be added before help is asked for again
                param.help = text
