"""Decoders: what can be made of measurements, to see whether information predicts it."""

from ideal.decoders.linear import LinearDecoder, peak_signal_to_noise

__all__ = ["LinearDecoder", "peak_signal_to_noise"]
