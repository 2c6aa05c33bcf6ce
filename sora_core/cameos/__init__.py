"""Cameos: a person, an animal or a thing from a picture, by their leave, in clips of the embedded model."""
