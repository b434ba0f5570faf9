"""What people can ask of a home besides a run, such as to compare, trace, re-create or forget.

To look: `diff`, `attribution` (why two models differ), `lineage`, `trace`, `quarantine`, `watched`,
`alerts`, `policy_past`, `retention`. To act: `recreate`, `gc`, `forget`, `experiment`, `backfill`,
`trial_plan`, `recheck`.

Does not belong here: landing and running (`engine`), bundles (`release`), printing (`cli`).
"""
