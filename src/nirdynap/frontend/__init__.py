"""Foreign graphs in, our frozen Network out."""

from nirdynap.frontend.nir_reader import read as read
