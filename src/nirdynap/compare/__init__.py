"""What differs between two networks, each a NIR graph or a spec."""

from nirdynap.compare.behaviour import Behaviour as Behaviour
from nirdynap.compare.comparison import Comparison as Comparison
from nirdynap.compare.difference import Diff as Diff
from nirdynap.compare.difference import diff as diff
