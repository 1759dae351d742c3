"""Facts of the chips, each with its source."""

from nirdynap.chips.chip import Chip as Chip
from nirdynap.chips.chip import Limits as Limits
from nirdynap.chips.chip import chip_names as chip_names
from nirdynap.chips.chip import load_chip as load_chip
