"""Model families, one file each (`fit`, `refit`, `predict`); listed in keys/families.py.

Belongs here: fitting, choosing, refitting, predicting. Does not belong here: which rows are in
a fold (`split`), use of the scores (`evaluate`), registries.

A family is a module with three functions; a custom one (`family: custom`) is the file named in
the YAML, with the same functions:

    def fit(settings, train, validation, context) -> state
    def refit(settings, state, fold, context) -> state
    def predict(state, batch) -> numpy array

`settings`    the family's part of the YAML; for `custom` the plain dict under `settings:`.
`train`, `validation`, `fold`    a `folds.Fold`: `target` (float64 array: the value, 0/1 for
    binary, an index into `context.classes` for multiclass, -1 for a class that train does not
    hold), `weight` (float64 array, or None), and the encoded features: `batches(columns)` yields
    one `pyarrow.Table` per batch, so that one is in memory at a time; `take(numbers)` returns those
    rows; `features` is all of them in one table. Number float64, integer int64, boolean int8,
    category int16 or int32 codes into `context.categories[column]`; missing and never-seen values
    are null. Rows are in calendar order.
    A date, time or text comes as several such columns (`prepare`).
`context`    a `folds.Context`: task, metric, columns (name to type), categories, classes,
    threads, seed. Take randomness from the seed alone.
`state`    everything that `predict` needs, as a dict of plain JSON (finite numbers, str keys).
Four keys have a meaning if present: `trees` (int), `settings` (dict: those that were
found), `importance` (a number per column, in the order of `context.columns`), and `report`
    (dict; taken out of the model and put in the metadata: `curve`, `trials`, `notes`).
`batch`    an encoded `pyarrow.Table` without target. Return shape (n,) for regression, (n,)
    probability of class 1 for binary, (n, k) probabilities for multiclass; row i must depend on
    row i alone, to the bit.

`refit` gets the state that `fit` found and the rows of train and validation together. A constant
training target never reaches a family: the model then holds the constant, and notes it.
"""
