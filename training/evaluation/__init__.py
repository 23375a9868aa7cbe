"""How right a set of answers is: pure figures, their comparison, plots and the report.

`judged` holds one message and the answer, `figures` and its neighbours make columns of many and count, `results` is
what comes out, `report` and `plots` show it. Nothing here asks a server or reads a corpus: `deployments` does.
"""
