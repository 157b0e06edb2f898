"""The command line: `pellucid train`, `evaluate`, `predict`, `explain`, `report` and more; see `pellucid --help`.

Exit codes: 0 success · 1 a check failed (gradcheck) · 2 bad input: one line says what, nothing is written ·
3 training diverged · 130 interrupted with Ctrl-C (what training learnt is saved) · 143 terminated by SIGTERM.
"""

from pellucid.cli.main import main as main
