"""What a design is to maximise: information in closed form, of samples, by a density model, or a decoder's error."""
