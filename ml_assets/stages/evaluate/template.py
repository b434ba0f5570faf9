"""The page of the evaluation report: a Jinja2 template and its style sheet.

Belongs here: structure, wording that never changes, style. Does not belong here: figures,
formatting of numbers (`report`). A Python text, not a file: the code digest covers it.
"""

STYLE = """
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b2430; --soft: #566273; --line: #dfe4ea;
  --accent: #1f5fa8; --good: #1d6b3c; --good-back: #e4f3ea; --bad: #a32a22; --bad-back: #fbe9e7;
  --warn: #7a5200; --warn-back: #fdf3dc; --bar: #a9c6e8;
  --plot-ink: #3a4656; --plot-grid: #d5dbe3; --plot-main: #1f5fa8; --plot-other: #7fb0de;
  --plot-band: #d3e4f5; }
@media (prefers-color-scheme: dark) { :root {
  --page: #12161c; --card: #1a2029; --ink: #e6ebf2; --soft: #a3afbf; --line: #303a47;
  --accent: #8dbcf0; --good: #86d3a3; --good-back: #16301f; --bad: #f2a29b; --bad-back: #3b1d1b;
  --warn: #ecc878; --warn-back: #362b12; --bar: #2f5580;
  --plot-ink: #c3cddb; --plot-grid: #394453; --plot-main: #8dbcf0; --plot-other: #3f73ad;
  --plot-band: #27405f; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5; font-size: 16px;
  font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans",
    "Liberation Sans", Arial, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .35rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .35rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .35rem 0 .75rem; max-width: 46rem; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 2px; border-radius: 4px; }
.over { color: var(--soft); font-size: .85rem; letter-spacing: .04em; text-transform: uppercase;
  margin: 0 0 .3rem; }
.lead { color: var(--soft); font-size: 1.05rem; margin-bottom: 1rem; }
.soft { color: var(--soft); font-size: .9rem; }
nav { margin: 1rem 0 1.25rem; font-size: .92rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: 0;
  margin: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.25rem 1.4rem 1.35rem; margin: 0 0 1.1rem; }
.verdict { border-left: 5px solid var(--soft); }
.verdict.good { border-left-color: var(--good); } .verdict.bad { border-left-color: var(--bad); }
.verdict.unclear { border-left-color: var(--warn); }
.verdict .sentence { font-size: 1.08rem; }
dl.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem;
  margin: .9rem 0 .9rem; }
dl.figures div { min-width: 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; }
dd b { display: block; font-size: 1.65rem; line-height: 1.25; font-weight: 650;
  font-variant-numeric: tabular-nums; }
dd span { color: var(--soft); font-size: .88rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; width: 100%; font-size: .92rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .88rem; padding: 0 0 .4rem; }
th, td { padding: .38rem .9rem .38rem 0; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
td.wrap { white-space: normal; }
th:last-child, td:last-child { padding-right: 0; }
th:first-child, td:first-child, .left { text-align: left; }
thead th { color: var(--soft); font-weight: 600; font-size: .85rem; border-bottom-width: 2px; }
tbody th { font-weight: 500; min-width: 7rem; max-width: 20rem; white-space: normal;
  overflow-wrap: break-word; }
tr.chosen th, tr.chosen td { font-weight: 650; } tr.few th, tr.few td { color: var(--soft); }
tbody tr:last-child th, tbody tr:last-child td { border-bottom: 0; }
.tag { display: inline-block; font-size: .75rem; font-weight: 600; padding: 0 .45rem;
  border-radius: 99px; border: 1px solid var(--line); color: var(--soft); margin-left: .35rem;
  white-space: nowrap; }
.tag.good { color: var(--good); background: var(--good-back); border-color: transparent; }
.tag.warn { color: var(--warn); background: var(--warn-back); border-color: transparent; }
.bar { min-width: 7rem; width: 30%; }
.bar i { display: block; height: .72rem; margin-top: .38rem; border-radius: 2px;
  background: var(--bar); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
  gap: 1.4rem; }
figure { margin: .6rem 0 0; min-width: 0; }
figure h3 { margin: 0 0 .3rem; }
svg.plot { width: 100%; height: auto; display: block; }
svg.plot text { font-family: inherit; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: .3rem; }
details { margin-top: .8rem; } summary { cursor: pointer; color: var(--accent); }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .85em;
  overflow-wrap: anywhere; }
ul.notes { margin: .3rem 0 0; padding-left: 1.2rem; }
footer { color: var(--soft); font-size: .85rem; padding: .5rem .2rem; }
@media (max-width: 36rem) { main { padding: 1.25rem .75rem 3rem; } section { padding: 1rem .95rem; }
  table { font-size: .85rem; } th, td { padding-right: .7rem; }
  thead th { white-space: normal; vertical-align: bottom; }
  h1, dd b { font-size: 1.45rem; }
  dl.figures { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .8rem; } }
@media print { :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb;
    --accent: #1f5fa8; --good: #1d6b3c; --bad: #a32a22; --warn: #7a5200; --bar: #a9c6e8;
    --plot-ink: #333; --plot-grid: #ccc; --plot-main: #1f5fa8; --plot-other: #7fb0de;
    --plot-band: #d3e4f5; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; } nav { display: none; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .8rem 0; }
  .verdict { border-left: 5px solid var(--soft); padding-left: .8rem; }
  tr, figure, dl.figures { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; } th, td { white-space: normal; } }
"""

PAGE = """{% macro slice_table(name, lines) -%}
<div class="scroll" tabindex="0" role="region" aria-label="Slices by {{ name }}">
<table>
<thead><tr><th scope="col">{{ name }}</th><th scope="col">Rows</th>
<th scope="col">{{ metric }}</th><th scope="col">{{ level }} interval</th>
<th scope="col">Baseline</th><th scope="col" class="left bar">to scale</th></tr></thead>
<tbody>
{% for line in lines %}<tr{% if line.few %} class="few"{% endif %}>
<th scope="row">{{ line.value }}
{%- if line.few %}<span class="tag warn">few rows</span>{% endif %}
{%- if line.worse %}<span class="tag warn">not better than baseline</span>{% endif %}</th>
<td>{{ line.rows }}</td><td>{{ line.metric }}</td><td>{{ line.interval }}</td>
<td>{{ line.baseline }}</td>
<td class="left bar"><i style="width:{{ line.width }}%"></i></td></tr>
{% endfor %}</tbody></table></div>
{%- endmacro -%}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ model }} &ndash; evaluation report</title>
<style>{{ style | safe }}</style>
</head>
<body>
<main>
<header>
<p class="over">Evaluation report</p>
<h1>{{ model }}</h1>
<p class="lead">{{ description }}{% if predict_at %} Predicted at {{ predict_at }}; nothing
known later is used.{% endif %}</p>
<nav aria-label="Sections"><ul>
<li><a href="#result">Result</a></li>
<li><a href="#families">Leaderboard</a></li>
{% if slices %}<li><a href="#slices">Slices</a></li>
{% endif %}{% if plots %}<li><a href="#plots">{{ plots_title }}</a></li>
{% endif %}{% if importance %}<li><a href="#importance">Importance</a></li>
{% endif %}<li><a href="#data">Data</a></li>
</ul></nav>
</header>

<section id="result" class="verdict {{ verdict.mood }}">
<h2>{{ verdict.title }}</h2>
<p class="sentence">{{ verdict.sentence }}</p>
<dl class="figures">
{% for figure in headline %}<div><dt>{{ figure.name }}</dt>
<dd><b>{{ figure.value }}</b><span>{{ figure.below }}</span></dd></div>
{% endfor %}</dl>
<div class="scroll" tabindex="0" role="region" aria-label="All metrics on test">
<table>
<caption>All metrics on the {{ rows }} test rows, {{ level }} intervals</caption>
<thead><tr><th scope="col">Metric</th><th scope="col">Model</th><th scope="col">Interval</th>
<th scope="col">Baseline</th><th scope="col">Difference</th><th scope="col">Interval</th></tr>
</thead>
<tbody>
{% for line in metrics %}<tr{% if line.headline %} class="chosen"{% endif %}>
<th scope="row">{{ line.name }}
{%- if line.better %} <span class="soft">({{ line.better }} is better)</span>{% endif %}</th>
<td>{{ line.value }}</td><td>{{ line.interval }}</td><td>{{ line.baseline }}</td>
<td>{{ line.difference }}</td><td>{{ line.around }}</td></tr>
{% endfor %}</tbody></table></div>
<p class="soft">Predicted: {{ target }}. Intervals by paired block bootstrap: {{ bootstrap }}.
The test rows had no part in training, in early stopping or in the choice of the family.</p>
{% if notes %}<ul class="notes soft">{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>
{% endif %}</section>

<section id="families">
<h2>Leaderboard</h2>
<p>Families as compared on validation by {{ metric }}. The best one was chosen; test had no say.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Leaderboard">
<table>
<thead><tr><th scope="col">Family</th>
{% for name in board_metrics %}<th scope="col">{{ name }}</th>{% endfor %}
<th scope="col">Trees</th></tr></thead>
<tbody>
{% for line in board %}<tr{% if line.chosen %} class="chosen"{% endif %}>
<th scope="row">{{ line.family }}{% if line.chosen %}<span class="tag good">chosen</span>{% endif %}
{%- if line.baseline %}<span class="tag">baseline</span>{% endif %}</th>
{% for value in line.metrics %}<td>{{ value }}</td>{% endfor %}<td>{{ line.trees }}</td></tr>
{% endfor %}</tbody></table></div>
{% if board_notes %}<ul class="notes soft">
{% for note in board_notes %}<li>{{ note }}</li>{% endfor %}</ul>
{% endif %}<details><summary>Settings</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Settings">
<table><thead><tr><th scope="col">Family</th><th scope="col" class="left">Settings</th></tr>
</thead><tbody>
{% for line in board %}<tr><th scope="row">{{ line.family }}</th>
<td class="left wrap">{% for key, value in line.settings %}<code>{{ key }}={{ value }}</code>
{%- if not loop.last %}, {% endif %}{% else %}&ndash;{% endfor %}</td></tr>
{% endfor %}</tbody></table></div></details>
</section>

{% if slices %}<section id="slices">
<h2>Slices</h2>
<p>For whom is the model worth how much? By {{ metric }} on test, worst first. Values with fewer
than {{ few_rows }} rows stand last and are marked: their figures say little.</p>
{% for part in slices %}<h3>{{ part.name }}</h3>
{{ slice_table(part.name, part.lines) }}
{% if part.more %}<details><summary>{{ part.more | length }} more</summary>
{{ slice_table(part.name, part.more) }}</details>
{% endif %}{% endfor %}</section>

{% endif %}{% if plots %}<section id="plots">
<h2>{{ plots_title }}</h2>
<div class="plots">
{% for plot in plots %}<figure role="group" aria-labelledby="plot-{{ loop.index }}">
<h3 id="plot-{{ loop.index }}">{{ plot.title }}</h3>
{{ plot.svg | safe }}
<figcaption>{{ plot.text }}</figcaption></figure>
{% endfor %}</div>
</section>

{% endif %}{% if importance %}<section id="importance">
<h2>Feature importance</h2>
<p>Share of the loss that the trees saved by splitting on a feature, in training. It says what the
model looks at, not what causes the target.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Feature importance">
<table><thead><tr><th scope="col">Feature</th><th scope="col">Share of gain</th>
<th scope="col" class="left bar">to scale</th></tr></thead><tbody>
{% for line in importance %}<tr><th scope="row">{{ line.feature }}{% if line.description %}
<div class="soft">{{ line.description }}</div>{% endif %}</th><td>{{ line.share }}</td>
<td class="left bar"><i style="width:{{ line.width }}%"></i></td></tr>
{% endfor %}</tbody></table></div>
</section>

{% endif %}<section id="data">
<h2>Data used</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Rows by fold">
<table><thead><tr><th scope="col">Fold</th><th scope="col">Batches</th><th scope="col">Rows</th>
<th scope="col" class="left">Batches from, to</th></tr></thead><tbody>
{% for fold in folds %}<tr><th scope="row">{{ fold.name }}</th><td>{{ fold.lines | length }}</td>
<td>{{ fold.rows }}</td><td class="left">{{ fold.span }}</td></tr>
{% endfor %}</tbody></table></div>
<details><summary>Batches and content digests of their features</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Batches">
<table><thead><tr><th scope="col">Fold</th><th scope="col" class="left">Batch</th>
<th scope="col">Rows</th><th scope="col" class="left">Digest of the features</th></tr>
</thead><tbody>
{% for fold in folds %}{% for line in fold.lines %}<tr><th scope="row">{{ fold.name }}</th>
<td class="left">{{ line.batch }}</td><td>{{ line.rows }}</td>
<td class="left wrap"><code>{{ line.digest }}</code></td></tr>
{% endfor %}{% endfor %}</tbody></table></div></details>
</section>
<footer>Made by ml_assets from the inputs above; the same inputs give the same page, to the
byte.</footer>
</main>
</body>
</html>
"""
