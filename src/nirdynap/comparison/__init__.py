"""What differs between two networks, each a NIR graph or a spec."""

from nirdynap.comparison.behaviour import Behaviour as Behaviour
from nirdynap.comparison.difference import Diff as Diff
from nirdynap.comparison.difference import diff as diff
from nirdynap.comparison.findings import Comparison as Comparison
