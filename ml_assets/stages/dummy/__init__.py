"""Made-up rows that keep a dataset's contract.

Belongs here: the rows of a batch, from the contract and, if given, from statistics. Does not belong
here: measuring statistics, landing files.

Values of a column follow its statistics, or else its type, range and allowed values. Columns whose
ranks are correlated are drawn together, by a Gaussian copula. Names of rows and sensitive values
are invented: one number gives one name in every dataset, so that joins find rows. Rules are kept by
moving the value that moves least; rows that still break the contract, or have another's key, are
drawn again.
"""
