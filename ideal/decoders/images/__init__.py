"""Decoders of images: deconvolution and networks."""
