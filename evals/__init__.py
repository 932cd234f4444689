"""An evaluation of models as analysts: tasks and planted injections over a sandbox, judged by what was done.

`python -m evals --help` tells how to run it. The tasks are data, in `data/`.
"""
