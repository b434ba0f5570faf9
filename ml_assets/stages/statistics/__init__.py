"""Statistics of a dataset in which no single row can be found.

Belongs here: what one JSON document says of a table, each figure over at least `least` rows. Does
not belong here: reading a home, making rows of it (`dummy`).

| of | the document says |
| --- | --- |
| a number | means of equal blocks of its sorted values; or its values, if it has few |
| a category, a text | its values |
| the time that orders rows | shares of hours of the day and of weekdays, the finest unit |
| another time | the same as of a number, of the seconds after the time that orders rows |
| a part of that time (its month, …) | which part |
| a sensitive column, a column that names other rows | the share of missing values |
| several columns | which are missing together, and rank correlations |

A value, a block, a share or a pattern of fewer rows is left out.
"""
