"""Evaluating explanations: does a map say what the network does? Each check prints controls that know no network.

    from pellucid.explain.evaluate import trust_card

    card = trust_card(network, pl.explain.saliency, test)
    print(card)
    card.plot()

A method is any callable (network, x, target) → Explanation or array; `functools.partial` sets its options.
The caller's network is never changed.
"""

from pellucid.explain.evaluate.attribution import Explainer as Explainer
from pellucid.explain.evaluate.card import Row as Row
from pellucid.explain.evaluate.card import TrustCard as TrustCard
from pellucid.explain.evaluate.card import trust_card as trust_card
from pellucid.explain.evaluate.complexity import complexity_rise as complexity_rise
from pellucid.explain.evaluate.controls import edge_detector as edge_detector
from pellucid.explain.evaluate.controls import edges as edges
from pellucid.explain.evaluate.curves import Curves as Curves
from pellucid.explain.evaluate.curves import deletion as deletion
from pellucid.explain.evaluate.curves import insertion as insertion
from pellucid.explain.evaluate.ground_truth import pointing_game as pointing_game
from pellucid.explain.evaluate.ground_truth import relevance_mass as relevance_mass
from pellucid.explain.evaluate.infidelity import infidelity as infidelity
from pellucid.explain.evaluate.measure import Estimate as Estimate
from pellucid.explain.evaluate.measure import Measure as Measure
from pellucid.explain.evaluate.randomization import Randomization as Randomization
from pellucid.explain.evaluate.randomization import model_randomization as model_randomization
from pellucid.explain.evaluate.sensitivity import max_sensitivity as max_sensitivity
from pellucid.explain.evaluate.sensitivity_n import sensitivity_n as sensitivity_n
