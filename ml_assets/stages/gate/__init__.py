"""The gate: may a candidate become champion? The stages `parity`, `crossed`, `decide`.

Belongs here: rules, evidence, the decision and its page. Does not belong here: the effects of a
decision (promotion), which models are compared (`engine/recipes`).

    parity(spec: ParitySpec, *, family, model, test, features, served, onnx=None)
        -> Result(outputs={"parity": JSON}, metadata={"latency_ms": float | None, ...})

`family`    hook: the module of the model's family. `onnx` hook (optional): a function
    `document -> bytes` (`ml_assets.stages.release.onnx:to_onnx`).
`model`    Handle: the model document. `test`, `features`: its test fold, as for `evaluate`.

    decide(spec: DecideSpec, *, family, model, train, validation, test, features, metrics, parity,
           champion_family=None, champion=None, champion_train=None, champion_validation=None,
           champion_features=None, crossed=None, protected=None)
        -> Result(outputs={"decision": JSON, "report": HTML bytes})

`family`, `champion_family`    hooks: modules of the families. `champion_family` is left out where
    the champion's module is gone: that has a separate outcome.
`model`, `champion`    Handles: model documents; `champion` is None where there is none.
`train`, `validation`, `test`    Handles: the candidate's folds (tables of row references).
`features`    batch -> Handle: at least the batches that these folds refer to. Of further
batches only the event times are used, for `max_age_days`.
`metrics`    Handle: the `metrics` document of the candidate's evaluation.
`parity`    Handle: the candidate's `parity` document.
`crossed`    Handle: the comparison by cross-validation, where the spec asks for one on few rows.
`champion_train`, `champion_validation`    Handles: the folds that the champion was trained on.
`champion_features`    batch -> Handle: the features tables that those folds refer to (digests
are compared; StageError if they differ). Keys, the champion's columns and labels are read.

The decision has `verdict` (`promote`, `refuse` or `challenger`), `sentence` (why, in one
sentence), `comparison` (`compared`, `crossed` where all rows were compared by cross-validation,
`first`, `same`, `not_comparable`, `champion_fails`, `no_keys`, `too_few`), `rows`, `figures`,
`slices`, and `rules`: a list of {rule, passed (None: not required or not applicable), effect
(`refuse` or `wait`), got, wanted, text}. It is JSON for `decision.json`, MLflow tags and messages;
it names digests, never versions or times.
"""
