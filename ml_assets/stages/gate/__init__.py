"""The gate: may a candidate become champion? Two pure stages, `parity` and `decide`.

Belongs here: rules, evidence, the decision and its page. Does not belong here: what follows from a
decision (promotion is an effect), and what is compared with what (`engine/recipes`).

    parity(spec: ParitySpec, *, family, model, test, features, served, onnx=None)
        -> Result(outputs={"parity": JSON}, metadata={"latency_ms": float | None, ...})

`family`    hook: the module of the model's family. `onnx` hook (optional): a function
    `document -> bytes` (`ml_assets.stages.release.onnx:to_onnx`).
`model`    Handle: the model document. `test`, `features`: its test fold as `evaluate` gets them.

    decide(spec: DecideSpec, *, family, model, train, validation, test, features, metrics, parity,
           champion_family=None, champion=None, champion_train=None, champion_validation=None,
           champion_features=None)
        -> Result(outputs={"decision": JSON, "report": HTML bytes})

`family`, `champion_family`    hooks: modules of the families. `champion_family` is left out where
    the champion's module is gone: that has an outcome of its own.
`model`, `champion`    Handles: model documents; `champion` is None where there is none.
`train`, `validation`, `test`    Handles: the candidate's folds (tables of row references).
`features`    batch -> Handle: at least the batches that these folds refer to. Event times of
    further batches handed in count for `max_age_days`, and nothing else.
`metrics`    Handle: the `metrics` document of the candidate's evaluation.
`parity`    Handle: the candidate's `parity` document.
`champion_train`, `champion_validation`    Handles: the folds that the champion was trained on.
`champion_features`    batch -> Handle: the features tables that those folds refer to, as they were
    (the digests are compared; StageError if they are others). Keys, the champion's columns and
    labels are read.

The decision has `verdict` (`promote`, `refuse` or `challenger`), `sentence` (why, in one plain
sentence), `comparison` (`compared`, `first`, `same`, `not_comparable`, `champion_fails`, `no_keys`,
`too_few`), `rows`, `figures`, `slices`, and `rules`: a list of {rule, passed (None: not asked or
not applicable), effect (`refuse` or `wait`), got, wanted, text}. It is JSON for `decision.json`,
MLflow tags and messages; it names digests, never versions or times.
"""
