"""Everything that can go wrong, said in one voice.

A `Kind` is one entry of the catalogue: a stable code, a title, a template for what was found and a template for what
to do. `Kind.at(place, ...)` makes the `Diagnostic` that a user sees. Stages collect diagnostics and raise them together
in one `CompileError`; rendering as terminal text, JSON or HTML is done elsewhere from the same record.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]

_PLACES_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding: what is wrong (or approximated), where, by how much, and what to do about it.

    `str(diagnostic)` is the one-line form that terminals and exceptions show.
    """

    code: str
    severity: Severity
    title: str
    place: str
    found: str
    hint: str
    value: str | int | float | None = None
    limit: str | int | float | None = None

    def __str__(self) -> str:
        hint = f"; try {self.hint}" if self.hint else ""
        return f"{self.code} {self.title}, at {self.place}: {self.found}{hint}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A catalogue entry. `found` and `hint` are `str.format` templates over `value`, `limit` and named extras."""

    code: str
    title: str
    found: str
    hint: str
    severity: Severity = "error"

    def at(
        self,
        place: str,
        /,
        *,
        value: str | int | float | None = None,
        limit: str | int | float | None = None,
        **extras: object,
    ) -> Diagnostic:
        """The diagnostic of this kind at `place` (a path such as ``$.nodes.conv2``)."""
        words = {"value": value, "limit": limit, **extras}
        return Diagnostic(
            code=self.code,
            severity=self.severity,
            title=self.title,
            place=place,
            found=self.found.format(**words),
            hint=self.hint.format(**words),
            value=value,
            limit=limit,
        )


class NirdynapError(Exception):
    """Base of all errors raised on purpose. `diagnostics` holds every finding, errors first."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        order = {"error": 0, "warning": 1, "note": 2}
        self.diagnostics: tuple[Diagnostic, ...] = tuple(sorted(diagnostics, key=lambda d: order[d.severity]))
        super().__init__("\n".join(_with_severity(d) for d in merged(self.diagnostics)))

    def __reduce__(self) -> tuple[type[NirdynapError], tuple[tuple[Diagnostic, ...]]]:
        return (type(self), (self.diagnostics,))


class CompileError(NirdynapError):
    """The network cannot be read or lowered; carries all findings at once."""


class InputError(NirdynapError):
    """Events, rasters, options or other arguments that a call cannot take."""


class StoreError(NirdynapError):
    """A spec file that cannot be read or written."""


class DeviceError(NirdynapError):
    """A board that cannot be found or opened, or a configuration that the vendor's runtime refuses."""


def merged(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Findings, in order; those that differ in nothing but their place, and notes of one kind, are one line."""
    groups: dict[object, list[Diagnostic]] = {}
    for finding in findings:
        key = finding.code if finding.severity == "note" else dataclasses.replace(finding, place="")
        groups.setdefault(key, []).append(finding)
    return tuple(
        dataclasses.replace(
            group[0],
            place=_listed(list(dict.fromkeys(finding.place for finding in group))),
            found="; ".join(dict.fromkeys(finding.found for finding in group)),
        )
        for group in groups.values()
    )


def _listed(places: list[str]) -> str:
    if len(places) <= _PLACES_SHOWN:
        return ", ".join(places)
    shown = places[: _PLACES_SHOWN - 1]
    return f"{', '.join(shown)} and {len(places) - len(shown)} more"


def _with_severity(finding: Diagnostic) -> str:
    """What is no error says so in front."""
    return str(finding) if finding.severity == "error" else f"{finding.severity}: {finding}"


def errors_of(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Only the findings that forbid to go on."""
    return tuple(d for d in findings if d.severity == "error")


def raise_errors(findings: Iterable[Diagnostic], error: type[NirdynapError] = CompileError) -> None:
    """Raise `error` with all findings if at least one of them is an error."""
    findings = tuple(findings)
    if errors_of(findings):
        raise error(findings)


def in_words(value: object) -> str | int | float | None:
    """Any value as a diagnostic holds it: numbers, texts and None as they are."""
    plain = value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool))
    return value if plain else str(value)  # type: ignore[return-value]


def node_place(name: str) -> str:
    """Place of a node of the user's graph."""
    return f"$.nodes.{name}"


CATALOGUE: dict[str, Kind] = {}


def _kind(code: str, title: str, found: str, hint: str, severity: Severity = "error") -> Kind:
    assert code not in CATALOGUE, f"{code} is used twice"
    CATALOGUE[code] = Kind(code, title, found, hint, severity)
    return CATALOGUE[code]


# fmt: off
# --- ND1xx: reading a NIR graph -------------------------------------------------------------------------------------
UNREADABLE_FILE = _kind("ND101", "unreadable file", "{value}", "a complete .nir file, as written by nir.write")
NOT_A_NIR_FILE = _kind("ND102", "not a NIR graph", "{value}", "a file written by nir.write, or a nir.NIRGraph")
NO_FILE_VERSION = _kind("ND103", "no file version", "the file does not say which nir wrote it", "writing it again with a current nir", "warning")
WRONG_FILE_VERSION = _kind("ND104", "unknown file version", "version is {value!r}, readable are {limit}", "writing the file with nir 1.0.x")
UNSUPPORTED_NODE = _kind("ND105", "unsupported node", "{value} {why}", "{remedy}")
BAD_PARAMETER = _kind("ND106", "bad parameter", "{parameter} is {value}, expected {limit}", "checking the exporter that wrote the node")
NOT_FINITE = _kind("ND107", "not finite", "{parameter} holds {value} NaN or infinite numbers", "training again, or repairing the weights")
BAD_THRESHOLD = _kind("ND108", "threshold not positive", "smallest v_threshold is {value}, must be above {limit}", "a positive threshold")
EMPTY_GRAPH = _kind("ND109", "empty graph", "the graph has {value} nodes", "a graph with Input, layers and Output")
MISSING_INPUT = _kind("ND110", "not one Input", "{value} Input nodes, expected {limit}; nodes without a source: {roots}", "exactly one nir.Input, with the shape (C, H, W)")
MISSING_OUTPUT = _kind("ND111", "missing Output", "no Output node; nodes without a target: {leaves}", "adding nir.Output behind the last neuron")
EDGE_TO_NOWHERE = _kind("ND112", "edge to nowhere", "edge {value} names a node that is not in the graph", "removing the edge or adding the node")
DUPLICATE_EDGE = _kind("ND113", "duplicate edge", "edge {value} is written {count} times and counts once", "doubling the weights if a sum of the two was meant", "note")
DISCONNECTED_NODE = _kind("ND114", "disconnected node", "{value}", "connecting the node or removing it; exporters lose edges silently")
RECURRENT = _kind("ND115", "recurrent connection", "cycle {value}", "a feed-forward network: a cycle on the chip can deadlock and has no exact reference")
SHAPE_MISMATCH = _kind("ND116", "shape mismatch", "{parameter} is {value}, but {limit} is needed", "checking the layer before it")
UNKNOWN_SHAPE = _kind("ND117", "unknown shape", "the shape {value} cannot be told from the graph", "giving the Input node its shape (C, H, W), or input_shape=(C, H, W)")
OVERLAPPING_POOL = _kind("ND118", "overlapping or padded pool", "{parameter} is {value}, the chip pools with {limit}", "stride equal to the kernel and no padding")
UNKNOWN_FIELD = _kind("ND119", "unknown field", "field {value!r} is not part of this node and has no effect", "removing it", "warning")
NONZERO_RESET = _kind("ND120", "non-zero reset", "v_reset is {value}, the chip resets to {limit}", "v_reset = 0, or shifting threshold and bias")
RESET_AMBIGUOUS = _kind("ND124", "reset read as zero", "v_reset is in the file, so convention {value!r} resets to zero; files of {limit} look the same and mean subtract", "the convention of your framework (--convention), or reset=\"subtract\" or reset=\"zero\" (--reset)", "warning")
DECLARED_SHAPE = _kind("ND122", "declared shape ignored", "{parameter} says {value}, the layers beside it need or give {limit}", "writing the file again with a current nir", "warning")
SEVERAL_SOURCES = _kind("ND123", "Output with several sources", "{value} feed one Output, where their spikes would add up", "an Output of its own for each")
UNKNOWN_CONVENTION = _kind("ND125", "unknown convention", "{value!r} is not one of {limit}", "one of these names")
BAD_OPTION = _kind("ND126", "bad option", "{parameter} = {value!r} is not possible", "{limit}")
OUTPUT_FEEDS = _kind("ND127", "Output with targets", "it feeds {value}, and an Output is where the network ends", "edges from the node in front of the Output")
LOWER_BOUND_ASSUMED = _kind("ND129", "lower bound assumed", "the file does not say how far a membrane may fall; convention {limit!r} takes minus the threshold, here down to {value}, but a model may have been trained with another bound, such as -1", "v_min=-1, v_min=\"none\" or v_min=\"-threshold\" (--v-min)", "warning")
RESET_UNUSED = _kind("ND130", "reset value unused", "v_reset is {value}, and a neuron that subtracts its threshold never goes there", "reset=\"zero\" if it should, after making v_reset {limit}", "warning")
TIME_STEP_UNKNOWN = _kind("ND131", "time step unknown", "tau is {value}, and neither the file nor convention {limit!r} says how long a time step is, so the leak is not known either", "the convention of your framework (--convention sinabs, snntorch, spikingjelly, rockpool, spyx and mlx-snn know their time step), or dt= (--dt) in the unit of tau: what the training used, but 1e-6 for a file of Norse 1.1.0, which writes tau too small")
TIME_STEP_TOO_LONG = _kind("ND132", "time step too long", "a time step of {value} s is longer than tau, {limit} s, with which the membrane would swing instead of decay", "dt= (--dt) in the unit of tau; Norse 1.1.0 writes tau too small by its dt: there dt=1e-6 is right")
INPUT_ADDED = _kind("ND140", "Input added", "the graph has no Input, and {value} is the only node that nothing feeds: an Input of shape {limit}, as told by {source}, was put in front of it", "writing the file with its Input, if {value} is not the first layer", "warning")
OUTPUT_ADDED = _kind("ND141", "Output added", "the graph has no Output, and {value} is the only node that feeds nothing: an Output was put behind it", "writing the file with its Output, if {value} is not the last layer", "warning")
CONVENTION_DETECTED = _kind("ND133", "convention detected", "read with convention {value!r}: {limit}", "convention= (--convention) if it is another framework's", "note")
NOT_SETTLED = _kind("ND134", "not settled by the file", "convention {value!r} {origin}, and the file does not say: {choices}", "{remedy}", "warning")
EXPORTER_SUSPECTED = _kind("ND135", "exporter suspected", "this looks like a file of {value}: {limit}", "--convention {first} if it is (convention={first!r}); others write such files too", "note")
CONV1D_AS_CONV2D = _kind("ND142", "Conv1d as Conv2d", "computed as a kernel of {value} over maps of height 1; the chip's kernels are square, so it takes the memory of the square", "short kernels: k taps take the words of k x k", "note")
TIME_STEP_CONTRADICTED = _kind("ND136", "time step contradicted", "r is {value}, and convention {limit!r} takes r to be 1 or 1 / dt with dt = {dt} s: the model was exported with another time step, or r means something else", "dt= (--dt): 1 / r if the gain of the neurons is 1; or another convention")
TIME_STEP_DOUBTFUL = _kind("ND137", "time step doubtful", "r is {value}, which the exporter of convention {limit!r} does not write for this tau with dt = {dt} s, so the leak is probably another one", "dt= (--dt), the time step of the training in seconds", "warning")
TOO_LARGE = _kind("ND128", "too large to look at", "{parameter} has {value} elements, limit {limit}; the largest chip holds far fewer", "smaller inputs, or a smaller padding or dilation")

# --- ND2xx: lowering to one convolution and one neuron per core --------------------------------------------------------
THRESHOLD_PER_PIXEL = _kind("ND201", "threshold per pixel", "thresholds differ within channel {value}, and a core has one threshold", "one threshold per channel (folded into the weights) or per layer")
GAIN_PER_PIXEL = _kind("ND202", "resistance per pixel", "r differs within channel {value}, so it cannot be folded into a kernel", "one r per channel or per layer")
V_MIN_PER_CHANNEL = _kind("ND203", "lower bound per channel", "v_min / threshold ranges over {value}, and a core has one lower bound", "v_min=\"-threshold\", v_min=\"none\", or one threshold per layer")
SCALE_PER_PIXEL = _kind("ND204", "scale per pixel", "the factors differ within channel {value}, so they cannot be folded into a kernel", "one factor per channel")
SCALED_OUTPUT = _kind("ND205", "scaled output", "{value} between the last neuron and the Output: the chip's spikes are counted, not scaled", "SumPool2d, or scaling the counts after the run")
NO_NEURON = _kind("ND206", "weights without neuron", "{value} is followed by {limit}, and every core ends in a neuron", "an IF node behind it, or merging the two layers into one")
NO_WEIGHTS = _kind("ND207", "neuron without weights", "the neuron is fed by {value}, and every core starts with weights", "a convolution or linear layer in front of it")
MISPLACED_POOL = _kind("ND208", "pool out of place", "the pool is fed by {value}; the chip pools behind neurons only", "moving the pool behind a neuron, or a strided convolution")
TIE_APPROXIMATED = _kind("ND209", "tie approximated", "the model waits at v == threshold, the chip fires; exact only with reset to zero and one spike per step", "nirdynap verify, which counts the ties", "warning")
DELAY_DROPPED = _kind("ND210", "delay dropped", "convention {value!r} sees each spiking layer one step late, the chip does not: outputs are shifted by up to {limit} steps", "comparing after the shift", "warning")
UNEQUAL_DELAYS = _kind("ND211", "branches of unequal depth", "paths of {value} spiking layers meet here, and convention {limit!r} delays each by one step", "delay=\"drop\" to accept another timing")
EARLY_BIAS = _kind("ND222", "bias ahead of the spikes", "convention {limit!r} has the layers in front answer {value} step(s) late, and the model adds this bias in each of them; on the chip spikes come at once, {value} bias(es) earlier", "a network without biases behind its first layer, or nirdynap verify, which shows what that changes", "warning")
SUM_OF_CURRENTS = _kind("ND214", "sum of currents", "{value} currents add up at one neuron, and a core has one kernel", "adding the spikes in front of one convolution, or one kernel that holds both")
SHARED_WEIGHTS = _kind("ND215", "weights with several targets", "one convolution feeds {value}, and a core has one convolution and one neuron", "a copy of the convolution for each neuron")
LEAK = _kind("ND212", "leak", "the membrane decays to {value} of itself in each time step, and the chip's membranes do not", "training without leak (an IF node, or tau = r = inf), or leak=\"drop\" or leak=\"linear\" (--leak) to accept another network, with nirdynap verify to see how much it differs")
LEAK_DROPPED = _kind("ND213", "leak dropped", "the model's membrane decays to {value} of itself in each time step, the chip's stays: it halves in {limit} steps in the model", "nirdynap verify, which shows what that changes", "warning")
LEAK_LINEAR = _kind("ND220", "leak made linear", "instead of a decay to {value} in each time step, the membrane falls by {limit} thresholds a step down to 0; fitted over 0..threshold, it is off by {error} thresholds a step (root mean square)", "nirdynap verify, which shows what that changes", "warning")
DRIFT_PER_PIXEL = _kind("ND221", "leak per pixel", "leak or resting potential differ within channel {value}, so they cannot become a bias", "one tau per channel or per layer")
MIXED_CONVENTION = _kind("ND216", "nodes disagree", "{parameter} is {value} on different nodes, and the chip has one setting for all", "one {parameter} for the whole network")
NOTHING_TO_COMPUTE = _kind("ND218", "nothing to compute", "the Input leads to an Output without a layer between", "at least one weight layer with neurons")
MISPLACED_FLATTEN = _kind("ND219", "flatten out of place", "a Flatten of order {limit} feeds {value}", "a Flatten in front of linear layers only")
NOT_ONE_MAP = _kind("ND230", "weights in a row", "{value} feeds {limit} without neurons between, and the two are no single convolution: {why}", "neurons between them, or one layer that does the work of both")
SCALED_INPUT_MIX = _kind("ND217", "sources with different factors", "sources need factors {value}: each gets input channels of its own, {limit} in all", "equal pooling on all branches, which needs less kernel memory", "note")

# --- ND3xx: what a chip can hold ----------------------------------------------------------------------------------------
KERNEL_MEMORY = _kind("ND301", "kernel memory", "needs {need} words, limit {room} in core {core}", "{remedy}")
NEURON_MEMORY = _kind("ND302", "neuron memory", "needs {need} words, limit {room} in core {core}", "{remedy}")
BIAS_MEMORY = _kind("ND303", "bias memory", "needs {need} words, limit {room} in core {core}", "{remedy}")
NO_PLACEMENT = _kind("ND304", "no placement", "no room on {cores} for {layers}{how}", "{remedy}")
TOO_MANY_LAYERS = _kind("ND305", "too many layers", "{value} layers, {chip} has {limit} cores", "a network of at most {limit} spiking layers")
NO_SINGLE_CORE = _kind("ND306", "no core holds the layer", "kernel {kernel}, neuron {neuron}, bias {bias} words: each fits somewhere, but no core of {chip} has room for all ({closest})", "{remedy}")
KERNEL_SIZE = _kind("ND311", "kernel size", "kernel is {value}, limit {limit}", "kernels of at most {limit}x{limit}")
STRIDE = _kind("ND312", "stride", "stride is {value}, allowed are {limit}", "one of the allowed strides")
PADDING = _kind("ND313", "padding", "padding is {value}, limit {limit}", "padding of at most {limit}")
POOLING = _kind("ND314", "pooling", "pooling is {value}, allowed are {limit}", "one of the allowed pooling sizes, equal in y and x")
INPUT_MAP = _kind("ND315", "input map", "input map is {value}, limit {limit}", "smaller inputs, or pooling behind the layer before")
OUTPUT_MAP = _kind("ND316", "output map", "output map is {value}, limit {limit}", "a larger stride, or smaller inputs")
INPUT_FEATURES = _kind("ND317", "input features", "{value} input features, limit {limit}", "fewer channels in front")
OUTPUT_FEATURES = _kind("ND318", "output features", "{value} output features, limit {limit}", "fewer output channels")
DESTINATIONS = _kind("ND319", "destinations", "feeds {value} destinations, limit {limit}, and no core with enough room is left for a relay or a copy that would feed the others", "fewer branches or fewer layers: a core sends its spikes to {limit} destinations")
LAYER_SPLIT = _kind("ND320", "layer split", "{value} cores hold it by output channels: {cores}", "split=\"never\" to have such a layer refused", "note")
EMPTY_MAP = _kind("ND321", "empty map", "{parameter} {value} leaves no neuron or pixel of a {limit} map", "a smaller kernel or pool, or larger inputs")
EXTRA_CORE = _kind("ND322", "more destinations than slots", "a core has {limit} slots for destinations, so core {value} {what}", "at most {limit} targets behind the layer, to save the core", "note")
CHANNELS_TRIMMED = _kind("ND323", "channels left out", "{value} output channels never fire, or their spikes meet zero weights only: {channels}", "trim=False to keep them", "note")
NEURONS_THINNED = _kind("ND326", "unread neurons left out", "1x1 kernels behind it read {value} of its {limit} neurons per channel, which a larger stride gives", "trim=False to keep the others", "note")
UNKNOWN_CHIP = _kind("ND324", "unknown chip", "{value!r} is not one of {limit}", "{near}the name of one, that of its board in sinabs, or the path of a chip file (.toml)")
NO_CAMERA = _kind("ND390", "no camera", "{chip} has no event camera, or none whose size is public", "a chip with one ({limit}), or no DVS layer: events then come in through a core's input")
DVS_REGION = _kind("ND391", "region of the camera", "the network sees rows and columns up to {value}, the camera has {limit}", "a smaller input, less pooling, or another origin")
DVS_POOLING = _kind("ND392", "pooling of the camera", "pooling is {value}, allowed are {limit}, independent in y and x", "one of the allowed sizes")
DVS_CHANNELS = _kind("ND393", "channels of the camera", "the network takes in {value} channels, a camera gives {limit}", "an input of 2 channels (OFF, ON), or of 1 into which both are merged")
DVS_DESTINATIONS = _kind("ND394", "destinations of the camera", "feeds {value} cores, limit {limit}", "fewer branches at the input, or a first layer that fits one core in front of them")
DVS_TARGET = _kind("ND395", "camera and core differ", "the DVS layer gives {value}, the core takes in {limit}; its events cannot be moved to other channels, and both maps must be the same", "a first layer that takes in all of the camera's region and channels, and nothing else")
DECIMATION = _kind("ND330", "decimation not possible", "one of {value} spikes passes, {chip} can do {limit}", "{remedy}")
DECIMATOR_SPLIT = _kind("ND331", "decimated layer on several cores", "{value} cores hold it, each with a counter of its own, so that other spikes would pass than of one core", "a decimator on a layer that fits one core, or none on this one")
CLOCK_RANGE = _kind("ND332", "slow clock not possible", "{value} is not possible, {chip} can do {limit}", "a clock inside these limits")
NOTHING_TO_COUNT = _kind("ND333", "no camera to count", "the chip's own clock counts the events of its camera, and the network does not look through it", "dvs=True (--dvs), or slow_clock=ExternalClock(hz=1000) (--slow-clock-hz 1000)")
NO_READOUT = _kind("ND334", "no readout block", "{chip} has no readout block", "a chip with one ({limit}), or reading the spikes")
OUTPUT_UNCLEAR = _kind("ND335", "one output to be read out", "the readout block reads one output, and {value!r} is not one of {limit}", "readout=ReadoutOptions(output=...) (--readout-output) with one of these names")
TOO_MANY_CLASSES = _kind("ND336", "too many classes", "the output has {value} channels, the readout block {limit} counters", "fewer classes, or reading the spikes")
OUTPUT_NOT_PIXEL = _kind("ND337", "output larger than a pixel", "the output's map is {value}, and the readout block counts maps of 1x1", "a linear layer, or a kernel as large as the map, or pooling as large as it")
OUTPUT_BUSY = _kind("ND338", "output feeds others", "it feeds {value} more, and its channels lie apart for the readout block, for them as well", "an output of its own behind it (a 1x1 layer of weight and threshold 1), or reading the spikes")
OUTPUT_SPREAD = _kind("ND339", "output spread", "its {limit} channels are every {step}th of {value} on the chip, whose readout block counts these", "readout=False to save kernel memory", "note")
NO_HEADROOM = _kind("ND340", "little room above the threshold", "threshold_high is {value}, and membranes end at {limit}: the sum of one time step may be cut off there before it reaches two thresholds", "a smaller scale, {{'dynapcnn': {{'scale': ...}}}} in the metadata of the neurons, and nirdynap verify; the counter `saturated` of a run tells whether it happens", "note")
BAD_CHIP_FILE = _kind("ND325", "bad chip file", "{value}", "a file that follows schemas/chip-v1")

# --- ND4xx: integers --------------------------------------------------------------------------------------------------------
ALL_ZERO_WEIGHTS = _kind("ND401", "all-zero weights", "every weight is zero, so no scale exists and no neuron can fire", "removing the layer, or training it")
VANISHING_THRESHOLD = _kind("ND402", "threshold vanishes", "threshold {value} times scale {scale} rounds to 0", "discretize=\"threshold-aware\", or a larger threshold: it is far below the largest weight {limit}")
BIAS_OVERFLOW = _kind("ND403", "bias overflows", "largest bias is {value} after scaling, limit {limit}", "bias_bits=8, which includes the bias in the scale")
TIE_OVERFLOW = _kind("ND404", "threshold overflows", "threshold_high + 1 is {value}, limit {limit}: a model that waits at v == threshold needs the extra one", "tie=\"fires\"")
LOWER_BOUND_CLIPPED = _kind("ND405", "lower bound clipped", "v_min {v_min} becomes {value}, the chip's range is {limit}", "a lower bound inside the range; for 0 there is none nearer than -1", "warning")
WEIGHTS_VANISH = _kind("ND406", "weights round to zero", "{value} of {limit} non-zero weights become 0", "a smaller spread of weights in this layer", "note")
DEAD_LAYER = _kind("ND407", "all weights round to zero", "the {parameter} allows a scale of {limit} only, with which even the largest weight {value} becomes 0, and no neuron can fire", "{remedy}")
BEYOND_FLOAT32 = _kind("ND408", "beyond float32", "{parameter} is {value}; integers are made in float32, which ends at {limit}", "weights and thresholds of ordinary size")
VALUES_CLIPPED = _kind("ND410", "values clipped", "{value} of {limit} weights and biases lie beyond the range at the scale chosen, and are set to its end", "discretize=\"max-abs\", which makes room for the largest", "note")
GIVEN_SCALE = _kind("ND409", "given scale too large", "the node's own scale {scale} makes a {parameter} of {value}, the chip's range is {limit}", "a smaller scale in its metadata, or none to have it chosen")
WEIGHTS_ABOVE_THRESHOLD = _kind("ND420", "weights above the threshold", "{value} of {limit} non-zero weights are above the threshold, up to {ratio} times; the chip fires once for an event, whatever its weight", "smaller weights or a larger threshold; nirdynap verify shows what it costs", "note")
THRESHOLD_SETS_SCALE = _kind("ND421", "threshold limits the scale", "the threshold is {ratio} times the largest weight and fills its 16 bits, with which the largest weight becomes {value} of {limit} at most: {bits} bits lost", "a threshold nearer to the weights", "note")
BIAS_SETS_SCALE = _kind("ND422", "bias limits the scale", "the largest bias is {ratio} times the largest weight and shares its 8 bits, with which the largest weight becomes {value} of {limit}: {bits} bits lost", "bias_bits=16 (--bias-bits 16): the chip has 16 bits for a bias", "note")
BIASES_VANISH = _kind("ND423", "biases round to zero", "{value} of {limit} non-zero biases become 0; the largest of them adds up to a threshold in {steps} time steps", "a smaller spread of weights and biases in this layer", "note")
DEAD_CHANNELS = _kind("ND424", "dead channels", "{value} of {limit} output channels have no weight or bias above 0{how}, and never fire", "training that keeps them alive; or trim=True (--trim), which leaves out those of hidden layers", "note")
SILENT_LAYER = _kind("ND425", "silent layer", "none of the {value} output channels has a weight or bias above 0{how}, and no neuron can fire", "training this layer, or turning the sign of its weights", "warning")
UNREAD_INPUTS = _kind("ND426", "unread input channels", "{value} of {limit} input channels meet zero weights only{how}", "leaving them out; or trim=True (--trim), where they come from a layer", "note")
THRESHOLD_OFF = _kind("ND427", "threshold rounds far", "threshold_high is {value} for {limit}, {percent} %", "discretize=\"threshold-aware\" (--discretize threshold-aware), or a threshold nearer to the largest weight", "note")
BELOW_LOWER_BOUND = _kind("ND428", "weights below the lower bound", "{value} of {limit} non-zero weights are below the lower bound {low}, up to {ratio} times; one such event takes a membrane at rest to the bound, which cuts off the rest", "a lower bound further down (v_min=..., --v-min), if the network was trained with one", "note")

# --- ND5xx: simulation inputs and options -----------------------------------------------------------------------------------
UNSORTED_EVENTS = _kind("ND501", "events not sorted", "time goes backwards at event {value}", "sorting by time (stable) first")
NEGATIVE_EVENTS = _kind("ND502", "negative event", "{parameter} of event {value} is negative", "times and addresses from 0 up")
EVENT_OUTSIDE = _kind("ND503", "event outside the input", "event {value} at (channel, y, x) = {where}, input is {limit}", "cropping the recording, or the right input shape")
BAD_RASTER = _kind("ND504", "bad raster", "{value}", "non-negative integer counts [time, batch, channel, y, x]")
BAD_EVENT_ARRAY = _kind("ND505", "bad event array", "{value}", "equally long integer arrays t, c, y, x, or a structured array with fields x, y, t, p")
NO_BIAS_CLOCK = _kind("ND506", "no bias clock", "the core has biases, and the chip adds them at each tick of a clock", "bias_clock_us=1000 (--bias-clock-us), the length of a time step, or a conversion with slow_clock= (--slow-clock-hz)")
BAD_RUN_OPTION = _kind("ND507", "bad run option", "{parameter} = {value!r} is not possible", "{limit}")
NOT_EXACT = _kind("ND508", "beyond exact arithmetic", "values up to {value} can occur in core {core}, float32 is exact below {limit}", "fewer spikes per step, or nirdynap.simulate, which uses integers")
SPIKES_OUTSIDE = _kind("ND509", "input counts too large", "a time step holds {value} spikes at one address, limit {limit}", "smaller time steps")
BEYOND_INT32 = _kind("ND510", "beyond 32-bit arithmetic", "a membrane sum of {value} occurs in core {core}, limit {limit}", "smaller time steps; with spikes_per_step=\"one\" also saturate=True")
TOO_MANY_STEPS = _kind("ND512", "too many time steps", "{value} steps, limit {limit}; the first event is at {first} us", "subtracting the first time stamp, or a larger dt_us (--dt-us)")
BAD_RECORDING_FILE = _kind("ND511", "bad recording file", "{value}", "an .npz with t, c, y, x or x, y, t, p (and start, label), or raster; or an .npy with one of them")
WRONG_ARGUMENT = _kind("ND513", "wrong argument", "{value} was given where {limit} is due", "{remedy}")
BOARD_CLOSED = _kind("ND514", "board closed", "{value} was called behind the block of `with nirdynap.deploy(...)`, at whose end the board is closed", "calling it inside the block")

NO_READOUT_BLOCK = _kind("ND520", "no readout block in the spec", "the network was converted without a readout block, so there is nothing that it could have said", "nir_to_dynapcnn(..., readout=True)")
NO_READOUT_CLOCK = _kind("ND521", "no clock for the readout block", "the readout block speaks at each tick of the slow clock, and neither the spec nor the run has one", "a conversion with slow_clock=ExternalClock(hz=1000), or bias_clock_us=1000 in an event run")
NOT_A_NUMBER = _kind("ND570", "training diverged", "{value} of the layer's parameters are infinite or no numbers, and no integer of the chip", "a smaller learning rate, or clipped gradients; and the parameters of before")
CALIBRATION_STOPPED = _kind("ND590", "calibration stopped", "the budget of {value} s ran out, with up to {limit} candidates untried", "a larger budget_s (--calibrate-budget), or fewer recordings", "note")
CALIBRATION_SILENT = _kind("ND591", "nothing to calibrate on", "the float layer does not fire in any of the {value} recordings, so that its integers are chosen without them", "recordings in which it fires", "note")

# --- ND6xx: specs ------------------------------------------------------------------------------------------------------
NOT_A_SPEC = _kind("ND601", "not a spec file", "{value}", "a file written by nirdynap.save")
SPEC_SCHEMA = _kind("ND602", "spec does not follow its schema", "{value}", "saving it again with nirdynap")
SPEC_DIGEST = _kind("ND603", "spec was changed", "digest is {value}, the file says {limit}", "converting the network again; a change that is meant: nirdynap.load of the spec as it was, dataclasses.replace, nirdynap.save")
SPEC_VERSION = _kind("ND604", "unknown spec version", "schema is {value!r}, readable are {limit}", "a current nirdynap")
CANNOT_WRITE = _kind("ND605", "cannot write", "{value}", "another folder or name")
UNKNOWN_FORMAT = _kind("ND606", "unknown format", "extension is {value!r}, known are {limit}", "one of these extensions")
OTHER_DOCUMENT = _kind("ND608", "another document", "this is {value}, not a spec", "the spec that it was made from, as nirdynap.save or nirdynap convert writes it")
NOT_IN_NIR = _kind("ND607", "not expressible in NIR", "{value}, which no node of NIR can say", "{remedy}")
CORE_TWICE = _kind("ND620", "core used twice", "core {value} holds {limit} layers, and has room for the settings of one", "a core of its own for each layer")
NO_SUCH_CORE = _kind("ND621", "no such core", "core {value} {why}", "one of {limit}")
NOT_IN_ORDER = _kind("ND622", "cores not in order", "core {value} does not come behind core {limit}, which feeds it", "a feed-forward network, whose cores are listed each before those that it feeds")
FEATURES_OVERFLOW = _kind("ND623", "features beyond the target", "{value} features reach core {core}, which takes in {limit}", "a smaller feature_shift, or more input features there")
ARRAYS_DIFFER = _kind("ND624", "array does not match", "{parameter} is {value}, expected {limit}", "converting the network again, or saving it with nirdynap.save")
OUT_OF_RANGE = _kind("ND625", "out of range", "{parameter} is {value}, allowed is {limit}", "a value inside the range")
MEMORY_MISCOUNTED = _kind("ND626", "memory miscounted", "{parameter} is stated as {value} words, but is {limit}", "the numbers of nirdynap.check")
SLOTS = _kind("ND627", "destination slots", "has {value} destinations, and a core has slots for {limit}", "converting the network again: nir_to_dynapcnn relays or copies what feeds more")
NOT_SQUARE = _kind("ND628", "kernel not square", "kernel is {value}, and the chip's have one side length", "a kernel of {limit}x{limit} with zeros, as nir_to_dynapcnn makes it")
MAPS_DIFFER = _kind("ND629", "maps differ", "a map of {value} reaches core {core}, which takes in {limit}: what lies outside is dropped, and the vendor's validation may refuse it", "the same size on both sides", "warning")

# --- ND64x: export to the vendor's runtime ---------------------------------------------------------------------------------
NO_SUCH_NODE = _kind("ND640", "no such node", "no core holds a node {value!r}; nodes on cores: {limit}", "one of these names")
# ND641 said what ND330 says now, of exports only.
NO_SLOW_CLOCK = _kind("ND642", "no slow clock", "the core has biases, and the chip adds them at each tick of its slow clock", "slow_clock_hz=1000 (--slow-clock-hz), for one tick per millisecond, or a conversion with slow_clock=")
NOT_EXPORTABLE = _kind("ND643", "no export for the chip", "samna's classes for {value!r} are not documented in full, only those of {limit}", "one of these chips, or save and dynapcnn_to_nir")
VENDOR_CLASS = _kind("ND644", "samna does not take it", "{value}", "a samna whose classes for {limit} are those of 0.48, which nirdynap knows")
VENDOR_REFUSES = _kind("ND645", "samna's validation refuses", "{value}", "nirdynap.validate(spec), which names layers; and the changes that modify= makes")
NO_DEVICE = _kind("ND646", "no such device", "{value!r} is not connected; connected are: {limit}", "plugging it in, or the name of one that is")
OTHER_CHIP = _kind("ND647", "device with another chip", "{value!r} is not a board with a {limit}, which the spec is for", "{remedy}")
TIME_STAMP = _kind("ND648", "time stamp too large", "event {value} is at {time} us, limit {limit}: the chip's stamps have 32 bits", "subtracting the first time stamp, or a shorter recording")
MONITOR_STARTS_CAMERA = _kind("ND650", "monitor starts the camera", "the DVS layer is monitored, and samna lets its camera send events whenever it is, but pass_sensor_events is False", "no monitor of the DVS layer, or DvsOptions(pass_sensor_events=True)")
CAMERA_OR_RECORDING = _kind("ND651", "camera or recording", "the board's camera is {value}, {found}", "{remedy}")

NO_TICKS = _kind("ND660", "readout block without a clock", "the readout block speaks at each tick of the slow clock, and there is none", "slow_clock_hz=1000 (--slow-clock-hz), or a conversion with slow_clock=")

SEVERAL_ENTRIES = _kind("ND661", "inputs assumed", "nothing feeds cores {value}, and the configuration does not say which of them hear events from outside: all are taken for inputs", "inputs={limit}, those of them that are fed from outside", "warning")
DEAD_END = _kind("ND662", "spikes go nowhere", "core {value} feeds no core and is no output", "a destination, or an output, or leaving the core out", "warning")
WRONG_TYPE = _kind("ND663", "wrong type", "{parameter} is {value}, expected {limit}", "converting the network again, or a value of that type")

# --- ND7xx: verification and evaluation ------------------------------------------------------------------------------------------------------
ROUNDING_MOVED_SPIKE = _kind("ND701", "rounding moved a spike", "step {step} of sample {sample}, neuron {where}: {value} spikes in the normalised network, {limit} in the float network; the membrane was {distance:.1e} thresholds from firing, which float64 rounding explains", "", "note")
LOWERING_DIFFERS = _kind("ND702", "normalised network differs", "step {step} of sample {sample}, neuron {where}: {value} spikes in the normalised network, {limit} in the float network; the membrane was {distance:.1e} thresholds from firing, which rounding does not explain", "reporting the graph and this input: folding must not change a spike", "warning")

FRAMEWORK_DIFFERS = _kind("ND703", "float run differs from the framework", "{value}", "what the file leaves open (--convention, --reset, --v-min, --spikes-per-step, --tie), and nirdynap.to_nir(model, sample), which leaves nothing open; a framework in float32 may also differ by rounding", "warning")
RUNGS_DIFFER = _kind("ND704", "rungs that must be equal differ", "{value}; rung {rung!r} is to have the spikes of rung {limit!r}", "reporting the graph and this input: {rung} must not change a spike")
BAD_CHIP_RECORDINGS = _kind("ND705", "chip recordings do not fit", "{value}", "for each recording that was played, the spikes of whole layers of this network")
BAD_FRAMEWORK_OUTPUTS = _kind("ND706", "framework outputs do not fit", "{value}", "an array for the one Output, or arrays by name of neuron and Output nodes: sums over the run [sample, ...], or [time, sample, ...]")
NOT_ROUNDED = _kind("ND707", "integer is not the rounded float", "{parameter} of output channel {channel} is {value}, the scaled float is {limit:.6g}", "reporting the graph: rounding moves a number by half a unit at most")

NOT_COMPARABLE = _kind("ND720", "runs cannot be compared", "{value}", "two runs of networks with the same layers; nirdynap.verify compares each step of one conversion")
OTHER_TIE = _kind("ND721", "tie", "a neuron at exactly its threshold {value} in b, and {limit} in a", "", "note")
OTHER_LOWER_BOUND = _kind("ND722", "lower bound of the membrane", "{value} in b, {limit} in a{how}", "", "note")
OTHER_SATURATION = _kind("ND723", "saturation", "sums are held in {value} in b, in {limit} in a", "", "note")
OTHER_THRESHOLD = _kind("ND724", "threshold", "{value} in b, {limit} in a{how}", "", "note")
OTHER_WEIGHT = _kind("ND725", "weight", "{value}", "", "note")
OTHER_ORDER = _kind("ND726", "order of spikes", "{value}", "", "note")
OTHER_SPIKE_NUMBER = _kind("ND727", "more than one spike per update", "spikes of an update are {value} in b, {limit} in a", "", "note")
OTHER_BIAS = _kind("ND728", "bias", "{value} in b, {limit} in a{how}", "", "note")
OTHER_BIAS_CLOCK = _kind("ND729", "bias clock", "the bias is added {value} in b, {limit} in a", "", "note")
OTHER_REMAINDER = _kind("ND730", "remainder of a pooling", "{value}", "", "note")
OTHER_RESET = _kind("ND731", "reset", "a spike {value} in b, and {limit} in a", "", "note")
OTHER_INPUT = _kind("ND732", "other inputs", "{value}", "", "note")
OTHER_INITIAL_STATE = _kind("ND733", "first membrane", "the membrane starts at {value} in b, at {limit} in a", "", "note")
OTHER_DECIMATOR = _kind("ND734", "decimator", "every {value}th spike passes in b, every {limit}th in a, or another one of them", "", "note")
ROUNDED_APART = _kind("ND735", "rounding to integers", "{value} thresholds lie between the two membranes, which weights rounded to integers explain", "", "note")
NO_SPIKE = _kind("ND740", "layer without a spike", "not one spike in {value} samples", "looking at the layer in front of it; a smaller threshold or larger weights; or other recordings", "warning")
SILENT_CHANNELS = _kind("ND741", "channels without a spike", "{value} of {limit} channels in {samples} samples: {listed}", "more recordings; and if they stay silent, training that keeps them alive, or fewer channels", "note")
OUTPUTS_SILENT = _kind("ND742", "outputs that never fire", "{value} of {limit} output neurons in {samples} samples: {listed}", "recordings of every class; and if they stay silent, a smaller threshold of the last layer", "note")
MEMBRANES_SATURATE = _kind("ND743", "membranes saturate", "{value} updates in {limit} samples left the 16 bits of a membrane and were cut off", "a smaller scale, {{'dynapcnn': {{'scale': ...}}}} in the metadata of the neurons; or a lower bound (v_min=..., --v-min) where inhibition piles up", "warning")
AT_LOWER_BOUND = _kind("ND744", "membranes at the lower bound", "{value} of {limit} membranes that have moved are at {low} at the end", "a lower bound further down (v_min=..., --v-min), if the network was trained with one; or less inhibition", "note")
LOWER_BOUND_UNUSED = _kind("ND745", "lower bound not reached", "none of {moved} membranes that have moved is at {limit} at the end, the lowest is at {value}", "leaving it as it is: another bound (v_min=..., --v-min) changes hardly a spike", "note")
FIRES_AT_ONCE = _kind("ND746", "fires at nearly every event", "{value} spikes from {limit} synaptic operations", "a larger threshold, or smaller weights; a layer that only passes spikes on does this by design", "note")

NOTHING_TO_EVALUATE = _kind("ND751", "nothing to evaluate", "{value}", "an iterable or data set of recordings, an .npz file, a folder of such files, or a folder of N-MNIST's class folders")
BAD_SAMPLE = _kind("ND752", "bad sample", "{value}", "pairs of a recording and the index of its output neuron")
SAMPLES_FAILED = _kind("ND753", "samples not evaluated", "{value} of {limit} samples have no result; the first of them: {first}", "the column error of the output, which tells the reason for each")
OTHER_RUN = _kind("ND754", "partial output of another run", "{parameter} was {value} in the run that left it behind, and is {limit} now", "the same network, samples and options to go on; another output, or removing this folder, to start anew")
WORKERS_LOST = _kind("ND755", "workers lost", "{value}", "running it again with the same output, which goes on where it stopped; a script that makes worker processes needs if __name__ == \"__main__\":")
LABEL_OUTSIDE = _kind("ND756", "label outside the outputs", "the label of sample {sample} is {value}, the output neurons are {limit}", "labels that count from 0, in the order of the output neurons")
DAMAGED_PART = _kind("ND757", "damaged part", "{value}", "removing this file and running it again with the same output, which makes it anew and goes on")
STOPPED = _kind("ND758", "stopped", "{value}", "{remedy}", "note")

# --- ND77x: the test kit ------------------------------------------------------------------------------------------------------
NO_SNAPSHOT = _kind("ND770", "no snapshot", "there is no such file yet, so nothing to compare with", "pytest --nirdynap-update, which writes it; and keeping it with the test")
BAD_SNAPSHOT = _kind("ND771", "unreadable snapshot", "not a snapshot of nirdynap: {value}", "pytest --nirdynap-update, which writes it anew")
NOTHING_FIRES = _kind("ND772", "silent outputs", "no output spike in each of some recordings of {value} random events in {limit} ms: they would prove nothing", "inputs= with recordings (.npz) that the network was made for")
BEHAVIOUR_CHANGED = _kind("ND773", "not as it was", "{value}", "{remedy}")

# --- ND78x: comparing two networks ------------------------------------------------------------------------------------------
NOTHING_TO_LOWER = _kind("ND780", "nothing to lower", "{value} given, and both sides are specs, which have been lowered already", "leaving it out, or the .nir files that they were made from")

# --- ND8xx: from a live model to a NIR graph ------------------------------------------------------------------------------
FRAMEWORK_UNCLEAR = _kind("ND801", "framework not recognised", "{value}; known frameworks are {limit}", "{remedy}")
UNKNOWN_MODULE = _kind("ND802", "not to be translated", "{value} {why}", "{remedy}")
CANNOT_FOLLOW = _kind("ND803", "forward cannot be followed", "{value}", "{remedy}")
SHARED_MODULE = _kind("ND804", "module used twice", "{value}", "a module of its own for each place")
BATCH_NORM_STAYS = _kind("ND805", "BatchNorm cannot be folded", "{value}", "BatchNorm right behind a convolution or linear layer that nobody else listens to, with running statistics")
MODEL_FAILED = _kind("ND806", "model cannot run the sample", "{value}", "{remedy}")
NO_COUNTERPART = _kind("ND807", "property without counterpart", "{parameter} is {value}; possible is {limit}", "training again with what is possible")
LIVE_DIFFERS = _kind("ND808", "graph differs from the live model", "step {step} of {played}, neuron {where}: {value:g} spikes in the model, {limit:g} in the graph; the membrane is {distance:g} from the threshold, rounding explains {rounding:g}", "looking at this layer: the graph does not say what the model does; a forward that resets its neurons in each call is a frequent reason")
OUTPUT_DIFFERS = _kind("ND809", "output differs from the live model", "step {step} of {played}, element {where}: {value:g} in the model, {limit:g} in the graph", "looking at the layers behind the last neuron")
NOTHING_PROVEN = _kind("ND810", "nothing proven", "{value}", "{remedy}", "warning")

# --- ND9xx: surroundings ------------------------------------------------------------------------------------------------------
EXTRA_MISSING = _kind("ND901", "extra not installed", "{value} is not installed", "pip install \"nirdynap[{limit}]\"")
BAD_COMMAND_LINE = _kind("ND902", "bad command line", "{value}", "nirdynap {command}--help")
SYSTEM_ERROR = _kind("ND903", "system error", "{value}", "another file or folder, or a smaller input")
# fmt: on
