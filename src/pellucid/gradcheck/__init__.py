"""Gradient checking with a verdict: that every `backward` is the derivative of its `forward`.

    report = check_gradients(network, x, t)
    print(report)              # a table: each gradient, its worst place, both values, the relative error
    report.passed

`subject` is what is differentiated, `judge` decides along one line, `check` chooses the lines, `report` is the verdict.
"""

from pellucid.gradcheck.check import check_gradients as check_gradients
from pellucid.gradcheck.report import GradientReport as GradientReport
from pellucid.gradcheck.report import Row as Row
from pellucid.numerical import numerical_gradient as numerical_gradient
