"""Federated training: sites learn one model in rounds, and no row leaves its site.

| file | does |
| --- | --- |
| `site` | writes a site's folder: its rows, which stay, and its statement, which may leave |
| `statement` | what a site says of its rows before the first round |
| `flower` | the environment of Flower, which is not ours; processes of it |
| `rounds` | runs the rounds: a coordinator, and a node for each site |
| `take` | from finished rounds to a model of this project |
| `compare` | the model of the rounds, of each site alone and of all rows, on the same rows |
| `app` | the programs that Flower runs: they import nothing of ml_assets |
"""
