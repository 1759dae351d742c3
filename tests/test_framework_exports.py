"""Every file of every exporter: it gives the spikes of its framework, or a refusal that says which node and why.

The index beside the files says what is right. "E" is lowered exactly, "A" refused unless an approximation is asked for,
"R" refused, and "L" is another network than the model was, which nothing in the file shows.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nirdynap.compile import check, nir_to_dynapcnn
from nirdynap.errors import CompileError
from nirdynap.frontend import read
from nirdynap.interpret import interpret
from real_files import answer, answers, names_a_node, real_files

ROOT = Path(__file__).resolve().parents[1]
PAGE = runpy.run_path(str(ROOT / "docs" / "generate_exports.py"))
BIG = ROOT / "tests" / "chips" / "big.toml"

# What a Speck has no room for, and a larger chip has.
KERNELS_BEYOND_16 = {"nirtorch/k_dilation": "_4", "nirtorch/k_pool_first": "_4"}
DENSE_784_128 = {
    "lava/d_mlp_if": "0",
    "mlxsnn/d_mlp_bias_if": "fc1",
    "mlxsnn/i_reset_zero": "fc1",
    "nirtorch/d_mlp_if": "_0",
    "nirtorch/d_mlp_if_list": "linear",
    "norse/d_mlp_bias_if": "0",
    "norse/d_mlp_if": "0",
    "norse/d_mlp_if_raw": "0",
    "norse_git/d_mlp_if": "_0",
    "norse_git/d_mlp_if_typecheck": "_0",
    "norse_nir104/d_mlp_if": "0",
    "sinabs/d_mlp_if": "0",
    "sinabs/d_mlp_if_noinfer": "0",
    "sinabs/i_reset_sub": "0",
    "sinabs_nir108/d_mlp_if_unsqueezed": "0",
    "snntorch/d_mlp_if": "0",
    "snntorch/i_reset_sub_nodelay": "0",
    "snntorch/i_reset_zero_nodelay": "0",
    "snntorch094/d_mlp_class_output": "fc1",
    "snntorch094/d_mlp_if": "0",
    "snntorch094/i_reset_sub_nodelay": "0",
    "snntorch094/i_reset_zero": "0",
    "snntorch094/i_reset_zero_nodelay": "0",
    "spyx/d_mlp_bias_if": "layer_0",
    "spyx/h_dropout": "layer_0",
}
LOST = {"norse_nir104/i_vreset_neg", "snntorch094/j_ties_int_nodelay", "spyx/h_bn"}

# Code and nodes of every refusal but those for want of room.
LEAKING_BUT_HARDLY = {
    "jaxpike/b_conv_avg_if_like": "ND212 1 3 6 10 12",
    "mlxsnn/d_mlp_lif_if_like": "ND212 n1 n2",
    "norse/g_lifbox_slow": "ND212 1 3",
    "norse_git/g_lifbox_slow": "ND212 _1 _3",
    "norse_nir104/g_lifbox_slow": "ND212 1 3",
    "rockpool_nir104/d_mlp_if_like": "ND212 1_LIFNeuronTorch 3_LIFNeuronTorch",
    "snntorch/b_conv_avg_if_9999": "ND212 1 3 6 10 12",
    "spyx/d_mlp_lif_if_like": "ND212 layer_1 layer_3",
}
LEAKING = {
    "jaxpike/d_mlp_bias_lif": "ND212 1 3",
    "jaxpike/d_mlp_lif": "ND212 1 3",
    "norse/g_lifbox": "ND212 1 3",
    "norse/i_reset_sub_lifbox": "ND212 1 3",
    "norse_nir104/g_lifbox_scalar": "ND212 1 3",
    "norse_nir104/i_reset_sub_lifbox": "ND212 1 3",
    "paper/01_lif__debug_spike_representation__two_lif_neurons": "ND212 lif1 lif2",
    "paper/01_lif__lif_norse": "ND212 1",
    "paper/01_lif__lif_rockpool": "ND212 1_LIFNeuronTorch",
    "rockpool/c_mlp_neuron_bias": "ND212 1_LIFNeuronTorch 3_LIFNeuronTorch",
    "rockpool/i_tau_neuron": "ND212 1_LIFNeuronTorch 3_LIFNeuronTorch",
    "rockpool_nir104/c_mlp_bias": "ND212 1_LIFNeuronTorch 3_LIFNeuronTorch",
    "rockpool_nir104/c_mlp_neuron_bias": "ND212 1_LIFNeuronTorch 3_LIFNeuronTorch",
    "rockpool_nir104/d_mlp_lifneuron": "ND212 1_LIFNeuronTorch 3_LIFNeuronTorch",
    "rockpool_nir104/i_tau_neuron": "ND212 1_LIFNeuronTorch 3_LIFNeuronTorch",
    "sinabs/g_lif": "ND212 1 3",
    "sinabs/g_lif_fullshape": "ND212 1 3",
    "sinabs/g_lif_norm": "ND212 1 3",
    "sinabs_nir108/g_lif_fullshape": "ND212 1 3",
    "snntorch/b_conv_avg_lif09": "ND212 1 3 6 10 12",
    "snntorch/i_reset_none": "ND212 1 3",  # that it never resets, the file does not say
    "snntorch/k_conv_pool_lif": "ND212 2 5 8",
    "snntorch094/d_mlp_lif09": "ND212 1 3",
    "snntorch094/d_mlp_scalar": "ND212 1 3",
    "snntorch094/d_mlp_scalar_noignore": "ND212 1 3",
    "snntorch094/i_reset_none": "ND212 1 3",
    "spikingjelly/b_conv_avg_lif": "ND212 _1 _3 _6 _10 _12",
    "spikingjelly/g_plif": "ND212 _1 _3",
    "spyx/d_mlp_lif_dt": "ND212 layer_1 layer_3",
}
# One lower bound for all and thresholds that differ per channel: converts with another v_min.
BOUND_PER_CHANNEL = {
    "sinabs/i_thr_channel_full": "ND203 1 3 6 10 12",
    "sinabs_nir108/i_thr_channel_full": "ND203 1 3 6 10 12",
}
NO_CORE_DOES_IT = {
    "jaxpike/g_linearlif": "ND105 1_li 1_threshold 3_li 3_threshold",
    "lava/g_mlp_cuba": "ND105 1 3",
    "lava/z_docs_convert_to_nir": "ND105 1 3",
    "nirtorch/i_thr_neuron": "ND201 _1 _3 _6",
    "nirtorch/k_readout_affine": "ND206 _4",
    "nirtorch/k_ten_layers": "",  # ND305: ten layers, nine cores
    "nirtorch/k_two_convs": "ND230 _0",
    "norse/i_thr_neuron": "ND201 1 3 5",
    "norse_git/i_vreset_neg": "ND120 _1 _3",
    "norse_nir104/i_thr_neuron": "ND201 1 3 5",
    "paper/03_rnn__braille_noDelay_bias_zero": "ND115 lif1.lif; ND105 lif1.lif lif2",
    "paper/03_rnn__braille_noDelay_noBias_subtract": "ND115 lif1.lif; ND105 lif1.lif lif2",
    "paper/03_rnn__extras__braille_noDelay_bias_zero_subgraph": "ND112 lif1.edges; "
    "ND114 fc1 fc2 input lif1.lif1 lif1.lin lif2 output; ND105 lif1.lif1 lif2",
    "rockpool/d_mlp_lif": "ND105 1_LIFTorch 3_LIFTorch",
    "rockpool/d_mlp_lif_sample3d": "ND105 1_LIFTorch 3_LIFTorch",
    "rockpool/e_residual": "ND123 output; ND114 3_LinearTorch 4_LIFTorch; "
    "ND105 1_LIFTorch 2_TorchResidual.1_LIFTorch 4_LIFTorch",
    "rockpool_nir104/d_mlp_lif": "ND105 1_LIFTorch 3_LIFTorch",
    "rockpool_nir104/e_residual": "ND123 output; ND114 3_LinearTorch 4_LIFTorch; "
    "ND105 1_LIFTorch 2_TorchResidual.1_LIFTorch 4_LIFTorch",
    "rockpool_nir104/f_rec_lif": "ND105 1_LIFTorch 3_LIFTorch",
    "sinabs/g_li_expleak": "ND105 1 3",
    "sinabs/k_padding_same": "ND118 4",
    "sinabs_nir108/g_conv1d": "ND105 0 2",
    "sinabs_nir108/g_li_expleak": "ND105 1 3",
    "sinabs_nir108/i_thr_neuron": "ND201 1 3 6; ND203 10 12",
    "sinabs_nir108/k_padding_same": "ND118 4",
    "snntorch/e_residual_current": "ND110 $.nodes; ND123 output",
    "snntorch/f_rec_rleaky_1to1": "ND115 1.lif",
    "snntorch/g_cuba_synaptic": "ND105 1 3",
    "snntorch/i_thr_neuron": "ND201 1 3 6",
    "snntorch094/f_rec_rsyn": "ND115 1.lif; ND105 1.lif",
    "spikingjelly/i_vreset_neg": "ND120 _1 _3",
    "spyx/f_rec_rcuba": "ND115 layer_1.layer_1.lif; ND105 layer_1.layer_1.lif",
    "spyx/f_rec_rif": "ND115 layer_1.layer_1.lif",
    "spyx/g_cuba": "ND105 layer_1 layer_3",
    "spyx/i_thr_neuron": "ND201 layer_1 layer_3 layer_6",
}
BROKEN = {
    "edge_to_missing_node": ("ND112", "_3 -> nowhere"),
    "nan_weight": ("ND107", "$.nodes._0"),
    "no_edges": ("ND114", "$.nodes._0"),
    "unknown_type": ("ND105", "$.nodes._1"),
    "zero_threshold": ("ND108", "$.nodes._1"),
}
WARNED = {"extra_field": "ND119", "metadata_type_check_key": "ND119", "no_version": "ND103"}


@pytest.fixture(scope="module")
def exports(shared_data: Path) -> Path:
    return shared_data / "framework_exports"


@pytest.fixture(scope="module")
def index(exports: Path) -> dict[str, dict[str, Any]]:
    entries = json.loads((exports / "INDEX.json").read_text(encoding="utf-8"))
    return {f"{entry['framework']}/{entry['name']}": entry for entry in entries}


@pytest.fixture(scope="module")
def errors(exports: Path, index: dict[str, dict[str, Any]]) -> dict[str, list[Any]]:
    """What stands against each file on a Speck 2f, under its folder's convention and `exact_under`."""
    reports = {name: check(exports / f"{name}.nir", **PAGE["settings"](entry)) for name, entry in index.items()}
    return {name: [d for d in report.diagnostics if d.severity == "error"] for name, report in reports.items()}


def with_verdict(index: dict[str, dict[str, Any]], letter: str) -> set[str]:
    return {name for name, entry in index.items() if entry["verdict"] == letter}


def in_short(found: list[Any]) -> str:
    """As in the tables above, without what is only a want of room."""
    nodes: dict[str, dict[str, None]] = {}
    for d in found:
        if not d.code.startswith("ND3"):
            nodes.setdefault(d.code, {})[d.place.removeprefix("$.nodes.")] = None
    return "; ".join(" ".join([code, *places]) for code, places in nodes.items())


def test_the_tables_hold_every_file_and_no_other(index: dict[str, dict[str, Any]]) -> None:
    assert set(KERNELS_BEYOND_16) | set(DENSE_784_128) <= with_verdict(index, "E")
    assert {*LEAKING_BUT_HARDLY, *BOUND_PER_CHANNEL} == with_verdict(index, "A")
    assert {*LEAKING, *NO_CORE_DOES_IT} == with_verdict(index, "R")
    assert with_verdict(index, "L") == LOST
    assert {entry["framework"] for entry in index.values()} == set(PAGE["CONVENTIONS"])


def test_every_file_that_is_exact_converts_where_a_speck_has_room(
    index: dict[str, dict[str, Any]], errors: dict[str, list[Any]]
) -> None:
    beyond = with_verdict(index, "E") - set(KERNELS_BEYOND_16)
    assert {name: errors[name] for name in beyond if errors[name]} == {}


def test_a_speck_refuses_the_others_with_the_numbers(errors: dict[str, list[Any]]) -> None:
    for name, node in KERNELS_BEYOND_16.items():
        found = [(d.code, d.place, d.value, d.limit) for d in errors[name]]
        assert found == [("ND311", f"$.nodes.{node}", 17, 16)], name


def test_dense_layers_beyond_a_core_are_split_over_two(exports: Path, index: dict[str, dict[str, Any]]) -> None:
    for name, node in DENSE_784_128.items():
        options = PAGE["settings"](index[name])
        spec, whole = (nir_to_dynapcnn(exports / f"{name}.nir", chip, **options) for chip in ("speck2f", BIG))
        assert [core.neuron_shape[0] for core in spec.find_cores(node)] == [64, 64], name
        assert whole.find_core(node).memory.kernel == 784 * 128
        np.testing.assert_array_equal(
            np.concatenate([core.weights for core in spec.find_cores(node)]), whole.find_core(node).weights
        )


def test_a_larger_chip_takes_them(exports: Path, index: dict[str, dict[str, Any]]) -> None:
    for name in (*KERNELS_BEYOND_16, *DENSE_784_128, "nirtorch/k_ten_layers"):
        assert nir_to_dynapcnn(exports / f"{name}.nir", BIG, **PAGE["settings"](index[name])).chip == "big"


def differences(path: Path, options: dict[str, Any]) -> Iterator[str]:
    """Every spiking layer of the framework's own run that spikes otherwise here."""
    network = read(path, **options)
    with np.load(path.with_suffix(".npz")) as file:
        recorded = dict(file)
    raster = recorded["input"].reshape(-1, 1, *network.input.input_shape)
    rasters = interpret(network, raster, record="all").rasters
    layers = {key.removeprefix("spk__"): spikes for key, spikes in recorded.items() if key.startswith("spk__")}
    assert layers
    for layer, spikes in layers.items():
        ours = rasters[layer if layer in rasters else f"_{layer}"]
        wrong = int(np.count_nonzero(ours != spikes.reshape(ours.shape)))
        if wrong:
            yield f"{path.parent.name}/{path.stem}, layer {layer}: {wrong} of {spikes.size}"


def test_every_layer_spikes_as_in_its_framework(exports: Path, index: dict[str, dict[str, Any]]) -> None:
    """Those that are refused later too, as long as they can be read; leaky ones as well, to the last spike."""
    wrong, run = [], set()
    for name, entry in index.items():
        path, exact = exports / f"{name}.nir", entry.get("exact_under")
        if exact is None or exact["reset"] == "none" or exact.get("order") == "nodelay":
            continue  # no run was recorded, or one that no convention expresses
        try:
            wrong += differences(path, PAGE["settings"](entry))
        except CompileError:
            assert name in NO_CORE_DOES_IT, name
            continue
        run.add(name)
    assert wrong == []
    assert with_verdict(index, "E") <= run
    assert len(run) == 120


def test_conv1d_on_request_spikes_as_in_its_framework(exports: Path, index: dict[str, dict[str, Any]]) -> None:
    name = "sinabs_nir108/g_conv1d"
    path, options = exports / f"{name}.nir", PAGE["settings"](index[name]) | {"conv1d": "1xk"}
    assert list(differences(path, options)) == []
    assert nir_to_dynapcnn(path, **options).input_shape == (2, 1, 64)


def test_every_refusal_names_the_right_nodes_and_reason(errors: dict[str, list[Any]]) -> None:
    tables = LEAKING_BUT_HARDLY | LEAKING | BOUND_PER_CHANNEL | NO_CORE_DOES_IT
    assert {name: in_short(errors[name]) for name in tables} == tables
    assert [(d.code, d.value, d.limit) for d in errors["nirtorch/k_ten_layers"]] == [("ND305", 10, 9)]


def test_they_are_refused_without_any_argument_but_the_convention(
    exports: Path, index: dict[str, dict[str, Any]]
) -> None:
    for name in (*LEAKING_BUT_HARDLY, *LEAKING, *NO_CORE_DOES_IT):
        report = check(exports / f"{name}.nir", convention=PAGE["CONVENTIONS"][index[name]["framework"]])
        assert not report.fits, name


def test_a_leak_is_approximated_on_request_and_named(exports: Path, index: dict[str, dict[str, Any]]) -> None:
    for name, refusal in (LEAKING_BUT_HARDLY | LEAKING).items():
        nodes = [f"$.nodes.{node}" for node in refusal.split()[1:]]
        for leak, code in (("drop", "ND213"), ("linear", "ND220")):
            report = check(exports / f"{name}.nir", BIG, **PAGE["settings"](index[name]), leak=leak)
            assert [d.place for d in report.diagnostics if d.code == code] == nodes, name
            assert leak == "linear" or report.fits, name


def test_another_lower_bound_lets_thresholds_per_channel_pass(exports: Path, index: dict[str, dict[str, Any]]) -> None:
    for name in BOUND_PER_CHANNEL:
        for bound in ("none", "-threshold"):
            assert check(exports / f"{name}.nir", **PAGE["settings"](index[name]) | {"v_min": bound}).fits


def test_what_an_exporter_lost_without_a_trace_converts(exports: Path, index: dict[str, dict[str, Any]]) -> None:
    for name in LOST:
        assert check(exports / f"{name}.nir", BIG, **PAGE["settings"](index[name])).fits


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused(exports: Path, name: str) -> None:
    code, where = BROKEN[name]
    report = check(exports / "broken" / f"{name}.nir")
    assert not report.fits
    assert any(d.code == code and (d.place == where or where in d.found) for d in report.diagnostics)


@pytest.mark.parametrize("name", WARNED)
def test_odd_files_are_read_with_a_warning(exports: Path, name: str) -> None:
    report = check(exports / "broken" / f"{name}.nir", convention="torch")
    assert report.fits
    assert [d.code for d in report.diagnostics if d.severity == "warning"] == [WARNED[name]]


def test_no_file_is_forgotten(exports: Path, index: dict[str, dict[str, Any]]) -> None:
    assert {p.stem for p in (exports / "broken").glob("*.nir")} == {*BROKEN, *WARNED}
    files = {str(p.relative_to(exports).with_suffix("")) for p in exports.glob("*/*.nir")}
    assert files == {*index, *(f"broken/{name}" for name in (*BROKEN, *WARNED))}


def test_every_file_converts_or_is_refused_with_the_name_of_a_node(shared_data: Path) -> None:
    for path in real_files(shared_data):
        first = answer(path, convention=PAGE["CONVENTIONS"].get(path.parent.name, "nir"))
        assert len(first.split()[0]) == 64 or names_a_node(first), path


def test_the_same_answer_in_another_process_under_another_hash_seed(shared_data: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "real_files.py"), str(shared_data)]
    done = subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "1"}, capture_output=True, check=True)
    assert json.loads(done.stdout) == answers(shared_data)


def test_the_page_of_exports_is_up_to_date(exports: Path) -> None:
    written = (ROOT / "docs" / "framework-exports.md").read_text(encoding="utf-8")
    assert written == PAGE["page"](exports), "run make docs"
