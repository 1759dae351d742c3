import nir
import numpy as np
import pytest

from by_hand import chain, conv, neurons, sink, source
from nirdynap.errors import CompileError
from nirdynap.frontend import read

INF = np.inf


def network(convention="lava", tau_mem=INF, r=INF, tau_syn=1e-4, w_in=1.0, v_leak=0.0, **options):
    fields = {"tau_mem": tau_mem, "r": r, "tau_syn": tau_syn, "w_in": w_in, "v_leak": v_leak, "v_threshold": 2.0}
    neuron = nir.CubaLIF(**{k: np.full(2, v, dtype=np.float32) for k, v in fields.items()}, v_reset=np.zeros(2))
    graph = chain(**{"in": source(), "conv": conv(), "lif": neuron, "out": sink()})
    return read(graph, convention, **options)


def test_without_filter_and_leak_it_is_integrate_and_fire():
    plain = chain(**{"in": source(), "conv": conv(), "lif": neurons([2.0, 2.0]), "out": sink()})
    assert network().digest() == read(plain, "lava").digest()
    assert (network(w_in=0.5).node("lif").gain == 0.5).all()
    assert network("torch", dt=1e-4).node("lif").decay is None
    assert (network("snntorch", tau_syn=2e-3, dt=2e-3).node("lif").gain == 1).all()


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"tau_mem": 1e-3, "r": 10.0}, "ND105", "has a leak,"),
        ({"tau_syn": 2e-4}, "ND105", "has a synaptic filter,"),
        ({"tau_mem": 1e-3, "r": 10.0, "tau_syn": 2e-4}, "ND105", "has a synaptic filter and a leak,"),
        ({"r": 10.0}, "ND105", "has a leak,"),
        ({"convention": "sinabs", "dt": 1e-4}, "ND105", "has a synaptic filter,"),  # exp(-1) of it stays
        ({"convention": "torch"}, "ND131", "tau is 0.0001"),
        ({"convention": "torch", "tau_mem": 1e-3}, "ND105", "has a leak,"),
        ({"tau_syn": np.nan}, "ND107", "tau_syn"),
    ],
)
def test_any_other_is_refused_at_its_node(changed, code, words):
    with pytest.raises(CompileError, match=words) as caught:
        network(**changed)
    assert [(d.code, d.place) for d in caught.value.diagnostics] == [(code, "$.nodes.lif")]


def test_files_of_nir_0_2_have_no_w_in():
    neuron = nir.CubaLIF(*np.array([[1e-4], [INF], [INF], [0.0], [1.0]]))
    neuron.w_in = neuron.v_reset = None
    graph = chain(**{"in": source(), "conv": conv(), "lif": neuron, "out": sink()})
    assert (read(graph, "lava").node("lif").gain == 1).all()
