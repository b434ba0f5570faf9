"""The decision as one offline HTML page.

Belongs here: rendering a decision document, everything escaped. Does not belong here: deciding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from ml_assets.stages.evaluate.style import STYLE
from ml_assets.stages.gate.words import number

_TITLES = {
    "promote": ("good", "Promoted"),
    "refuse": ("bad", "Refused"),
    "challenger": ("unclear", "Waits as challenger"),
}
_MARKS = {True: ("passed", "good"), False: ("failed", "warn"), None: ("not asked", "")}
TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ model }} &ndash; gate: {{ title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<main>
<header>
<p class="over">Gate</p>
<h1>{{ model }}</h1>
</header>
<section class="verdict {{ mood }}">
<h2>{{ title }}</h2>
<p class="sentence">{{ sentence }}</p>
{% if figures %}<dl class="figures">
{% for figure in figures %}<div><dt>{{ figure.name }}</dt>
<dd><b>{{ figure.candidate }}</b><span>champion {{ figure.champion }}, {{ figure.rows }} rows</span>
</dd></div>
{% endfor %}</dl>
<p class="soft">{{ metric }} of the candidate and the champion on the same rows. On rows that it was
trained on a model looks better than it is: only rows that neither has seen decide.</p>
{% endif %}</section>
<section>
<h2>Rules</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Rules">
<table><thead><tr><th scope="col">Rule</th><th scope="col" class="left">Outcome</th>
<th scope="col" class="left">What was found</th></tr></thead><tbody>
{% for line in rules %}<tr><th scope="row"><code>{{ line.rule }}</code></th>
<td class="left"><span class="tag {{ line.mood }}">{{ line.mark }}</span></td>
<td class="left wrap">{{ line.text }}</td></tr>
{% endfor %}</tbody></table></div>
</section>
{% if slices %}<section>
<h2>Slices</h2>
<p>By {{ metric }} on unseen rows, most worsened first. p is for "worse by more than the margin",
after Holm's correction for all of them.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Slices">
<table><thead><tr><th scope="col">Slice</th><th scope="col">Rows</th><th scope="col">Candidate</th>
<th scope="col">Champion</th><th scope="col">p</th></tr></thead><tbody>
{% for line in slices %}<tr{% if not line.judged %} class="few"{% endif %}>
<th scope="row">{{ line.name }}{% if line.shown %}<span class="tag warn">worse</span>{% endif %}
{%- if not line.judged %}<span class="tag">{{ line.why }}</span>{% endif %}</th>
<td>{{ line.rows }}</td><td>{{ line.candidate }}</td><td>{{ line.champion }}</td>
<td>{{ line.p }}</td></tr>
{% endfor %}</tbody></table></div>
</section>
{% endif %}<section>
<h2>What was compared</h2>
<p>Candidate <code>{{ candidate }}</code><br>Champion <code>{{ champion or "none" }}</code></p>
{% if bootstrap %}<p class="soft">Paired block bootstrap: {{ bootstrap }}.</p>{% endif %}
</section>
<footer>Made by ml_assets from the inputs above; the same inputs give the same page, to the
byte.</footer>
</main>
</body>
</html>
"""


def page(decision: Mapping[str, Any]) -> bytes:
    """Return the page of a decision document, UTF-8."""
    metric, unit = decision["metric"], decision["unit"]
    mood, title = _TITLES[decision["verdict"]]
    environment = Environment(
        loader=DictLoader({"page": TEMPLATE}), autoescape=True, undefined=StrictUndefined
    )
    names = {"unseen": "Unseen rows", "all": "All test rows", "seen": "Rows that one has seen"}
    figures = [
        {
            "name": names[part],
            "candidate": number(metric, found["candidate"], unit),
            "champion": number(metric, found["champion"], unit),
            "rows": f"{found['rows']:,}",
        }
        for part in names
        if (found := decision["figures"].get(part)) and found["rows"]
    ]
    lines = [
        {**line, "mark": _MARKS[line["passed"]][0], "mood": _MARKS[line["passed"]][1]}
        for line in decision["rules"]
    ]
    slices = [
        {
            "name": f"{entry['slice']} = {entry['value']}",
            "rows": f"{entry['rows']:,}",
            "candidate": number(metric, entry["candidate"], unit),
            "champion": number(metric, entry["champion"], unit),
            "p": "" if entry["holm"] is None else f"{entry['holm']:.2g}",
            "judged": entry["judged"],
            "why": entry["why"],
            "shown": entry["worse_shown"],
        }
        for entry in decision["slices"]
    ]
    shown = {
        "style": STYLE,
        "model": decision["model"],
        "title": title,
        "mood": mood,
        "sentence": decision["sentence"],
        "metric": metric,
        "figures": figures,
        "rules": lines,
        "slices": slices,
        "candidate": decision["candidate"],
        "champion": decision["champion"],
        "bootstrap": decision["figures"].get("unseen", {}).get("bootstrap"),
    }
    return environment.get_template("page").render(shown).encode("utf-8")
