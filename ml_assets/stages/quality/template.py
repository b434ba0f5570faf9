"""The page of the quality report: a Jinja2 template and its style sheet.

Belongs here: structure, fixed wording, style. Does not belong here: figures, formatting of
numbers (`page`). A Python text, not a file, so that the code digest covers it.
"""

from ml_assets.stages.html import head

STYLE = """
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --ink: #1b2430; --soft: #566273; --line: #dfe4ea;
  --accent: #1f5fa8; --good: #1d6b3c; --good-back: #e4f3ea; --warn: #7a5200;
  --warn-back: #fdf3dc; --bar: #a9c6e8; --mark: #1f5fa8; --hot: #d9902f; }
@media (prefers-color-scheme: dark) { :root {
  --page: #12161c; --card: #1a2029; --ink: #e6ebf2; --soft: #a3afbf; --line: #303a47;
  --accent: #8dbcf0; --good: #86d3a3; --good-back: #16301f; --warn: #ecc878;
  --warn-back: #362b12; --bar: #2f5580; --mark: #8dbcf0; --hot: #b5782a; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5; font-size: 16px;
  font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans",
    "Liberation Sans", Arial, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .35rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .35rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .35rem 0 .75rem; max-width: 48rem; overflow-wrap: anywhere; }
a, summary { color: var(--accent); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999rem; } .skip:focus { left: .75rem; top: .75rem;
  background: var(--card); padding: .5rem .8rem; border-radius: 6px; z-index: 1; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .85em;
  overflow-wrap: anywhere; }
dl.digests { display: block; } dl.digests dd { font-size: .95rem; font-weight: 400; }
.over { color: var(--soft); font-size: .85rem; letter-spacing: .04em; text-transform: uppercase;
  margin: 0 0 .3rem; }
.soft { color: var(--soft); font-size: .9rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: 0;
  margin: .8rem 0 1.2rem; font-size: .92rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.2rem 1.4rem; margin: 0 0 1.1rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .8rem;
  margin: .6rem 0 1rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.5rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
  gap: .9rem; }
.tile { border: 1px solid var(--line); border-left: 5px solid var(--soft); border-radius: 8px;
  padding: .7rem .9rem; min-width: 0; }
.tile.good { border-left-color: var(--good); } .tile.warn { border-left-color: var(--hot); }
.tile h3 { margin: 0 0 .2rem; } .tile p { margin: 0; font-size: .93rem; }
.tag { display: inline-block; font-size: .75rem; font-weight: 600; padding: 0 .45rem;
  border-radius: 99px; border: 1px solid var(--line); color: var(--soft); margin-left: .35rem;
  white-space: nowrap; }
.tag.good { color: var(--good); background: var(--good-back); border-color: transparent; }
.tag.warn { color: var(--warn); background: var(--warn-back); border-color: transparent; }
.note { border-left: 5px solid var(--hot); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .9rem .35rem 0; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
th:first-child, .left { text-align: left; }
td.said { text-align: left; white-space: normal; min-width: 15rem; overflow-wrap: anywhere; }
thead th { color: var(--soft); font-weight: 600; font-size: .83rem; border-bottom-width: 2px; }
tbody th { font-weight: 500; white-space: normal; min-width: 8.5rem; max-width: 18rem;
  overflow-wrap: break-word; }
tr.alarm th { font-weight: 650; } tr.few th, tr.few td { color: var(--soft); }
tbody tr:last-child > * { border-bottom: 0; }
.bar { width: 6.5rem; min-width: 6.5rem; }
.bar span { display: block; position: relative; height: .7rem; margin-top: .4rem;
  background: linear-gradient(var(--soft), var(--soft)) 50% 0 / 1px 100% no-repeat; }
.bar i { display: block; height: 100%; background: var(--bar); border-radius: 2px; }
tr.alarm .bar i { background: var(--hot); }
.bar i, .spark { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.spark { width: 120px; height: 30px; display: block; }
.spark .now { fill: var(--bar); } .spark .then { fill: none; stroke: var(--mark);
  stroke-width: 1.2; }
details { margin-top: .6rem; } summary { cursor: pointer; }
footer { color: var(--soft); font-size: .85rem; padding: .5rem .2rem; }
@media (max-width: 36rem) { main { padding: 1.25rem .75rem 3rem; }
  section { padding: 1rem .95rem; } table { font-size: .85rem; } th, td { padding-right: .7rem; }
  h1 { font-size: 1.45rem; }
  .stack thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
  .stack, .stack tbody, .stack tr { display: block; }
  .stack tr { display: flex; flex-wrap: wrap; gap: 0 .8rem; align-items: baseline;
    border-bottom: 1px solid var(--line); padding: .4rem 0; }
  .stack th, .stack td { border: 0; padding: 0; text-align: left; }
  .stack th { flex: 1 1 100%; max-width: none; font-weight: 650; }
  .stack td.said { flex: 1 1 100%; min-width: 0; }
  .stack td[data-is]::before { content: attr(data-is) " "; color: var(--soft);
    font-size: .8rem; } }
@page { margin: 15mm; }
@media print { :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb;
    --accent: #1f5fa8; --good: #1d6b3c; --warn: #7a5200; --bar: #a9c6e8; --mark: #1f5fa8;
    --hot: #d9902f; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; } nav, .skip { display: none; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .8rem 0; }
  tr, p, .tile { break-inside: avoid; } h2, h3, h2 + p, summary { break-after: avoid; }
  /* Nobody can open a fold on paper. */
  details::details-content { content-visibility: visible; block-size: auto; }
  .scroll { overflow: visible; } th, td { white-space: normal; } }
"""

TESTS = """{% macro bar(line) %}
<td class="bar left"><span><i style="width:{{ line.width }}%"></i></span></td>
{% endmacro %}
{% macro tests(lines, label, tag) %}
<div class="scroll" tabindex="0" role="region" aria-label="{{ label }}">
<table class="stack"><thead><tr><th scope="col">Column</th><th scope="col" class="left">Of</th>
<th scope="col">Effect</th><th scope="col">Limit</th><th scope="col" class="left">To scale</th>
<th scope="col" class="left">What changed most</th></tr></thead><tbody>
{% for line in lines %}
<tr{% if line.alarm %} class="alarm"{% endif %}><th scope="row">{{ line.column }}
{%- if line.alarm %} <span class="tag warn">{{ tag }}</span>{% endif %}</th>
<td class="left">{{ line.kind }}</td><td data-is="effect">{{ line.effect }}</td>
<td data-is="limit">{{ line.threshold }}</td>{{ bar(line) }}
<td class="said">{{ line.said }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endmacro %}
"""
"""What is shown of a figure that was compared with its limit: its bar, and a table of many."""
TILES = """<div class="tiles">
{% for tile in verdicts %}
<div class="tile {{ tile.mood }}"><h3>{{ tile.title }}<span class="tag {{ tile.mood }}">
{{- tile.word }}</span></h3><p>{{ tile.said }}.</p></div>
{% endfor %}
</div>
"""
"""A tile for each verdict."""
_MACROS = """{% macro slices_table(part, lines) %}
<div class="scroll" tabindex="0" role="region" aria-label="{{ part.slice }}, {{ part.by }}">
<table><thead><tr><th scope="col">{{ part.slice }}</th><th scope="col">Rows</th>
<th scope="col">Removed</th><th scope="col">Share</th><th scope="col">Of others</th>
<th scope="col">Effect</th><th scope="col">Limit</th><th scope="col" class="left">To scale</th>
</tr></thead><tbody>
{% for line in lines %}
<tr class="{{ 'alarm' if line.alarm }}{{ ' few' if line.few }}"><th scope="row">{{ line.value }}
{%- if line.alarm %} <span class="tag warn">stands out</span>{% endif %}
{%- if line.few %} <span class="tag">few rows</span>{% endif %}</th>
<td>{{ line.rows }}</td><td>{{ line.removed }}</td><td>{{ line.share }}</td>
<td>{{ line.others }}</td><td>{{ line.effect }}</td><td>{{ line.threshold }}</td>
{{- bar(line) }}</tr>
{% endfor %}
</tbody></table></div>
{% endmacro %}
"""
_BODY = (
    """<a class="skip" href="#result">Skip to the result</a>
<main>
<header>
<p class="over">Quality report</p>
<h1>{{ dataset }}{% if batch %} {{ batch }}{% endif %}</h1>
<p class="soft">{{ description }}</p>
<nav aria-label="Sections"><ul>
<li><a href="#result">Result</a></li><li><a href="#drift">Drift</a></li>
<li><a href="#completeness">Completeness</a></li><li><a href="#selection">Selection bias</a></li>
<li><a href="#columns">Columns</a></li><li><a href="#not">Not computed</a></li>
<li><a href="#inputs">Inputs</a></li>
</ul></nav>
</header>

{% if state.said %}
<section class="note"><h2>Note</h2>
<p>{{ state.said[:1] | upper }}{{ state.said[1:] }}.</p></section>
{% endif %}
{% if dummy %}
<section class="note"><h2>Dummy data</h2>
<p>These rows are made up. No model that saw them becomes champion.</p></section>
{% endif %}
{% if proposed %}
<section class="note"><h2>The data changed</h2>
<p>{{ proposed | join('; ') }}: <code>ml-assets propose {{ dataset }}</code> says what to change.
</p></section>
{% endif %}
<section id="result">
<h2>Rows</h2>
<dl>
{% for name, value in rows %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
{% endfor %}
</dl>
"""
    + TILES
    + """{% if rules %}
<h3>What removed rows</h3>
<div class="scroll" tabindex="0" role="region" aria-label="What removed rows">
<table class="stack"><thead><tr><th scope="col">Rule</th><th scope="col" class="left">Step</th>
<th scope="col">Rows</th><th scope="col" class="left">Reason</th></tr></thead><tbody>
{% for line in rules %}
<tr><th scope="row">{{ line.rule }}</th><td class="left">{{ line.step }}</td>
<td data-is="rows">{{ line.rows }}</td><td class="said">{{ line.why }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
</section>

<section id="drift">
<h2>Drift</h2>
<p>{{ reference | join(' ') }}</p>
{% if drift %}
<p class="soft">Cleaned rows against the reference. Effects: for numbers the largest difference of
the shares below any value (Kolmogorov-Smirnov), for values the share of rows that would have to
change (total variation), for missing values Cohen&rsquo;s h, for new values their share. A batch
like the reference exceeds any column&rsquo;s limit with a probability of {{ rate }}, by resampling
the reference{% if block != 'row' %} in whole {{ block }}s{% endif %}. The middle of a bar is the
limit.</p>
{{ tests(drift, 'Drift by column', 'drift') -}}
{% else %}<p>No column was compared; the reasons are below.</p>
{% endif %}
</section>

<section id="completeness">
<h2>Completeness</h2>
<p>{{ gaps[:1] | upper }}{{ gaps[1:] }}{% if gaps %}. {% endif %}
{% if time %}The {{ block }} is that of the column {{ time }}, by the clock in UTC. {% endif %}
Missing values in the landed records, before cleaning and filters.</p>
{% if missing %}
<div class="scroll" tabindex="0" role="region" aria-label="Missing values by column">
<table class="stack"><thead><tr><th scope="col">Column</th><th scope="col">Missing</th>
<th scope="col">Share</th><th scope="col">Effect</th><th scope="col">Limit</th>
<th scope="col" class="left">To scale</th></tr></thead><tbody>
{% for line in missing %}
<tr{% if line.alarm %} class="alarm"{% endif %}><th scope="row">{{ line.column }}
{%- if line.alarm %} <span class="tag warn">more than usual</span>{% endif %}</th>
<td data-is="rows">{{ line.rows }}</td><td data-is="share">{{ line.share }}</td>
<td data-is="effect">{{ line.effect }}</td><td data-is="limit">{{ line.threshold }}</td>
{{- bar(line) }}</tr>
{% endfor %}
</tbody></table></div>
{% else %}<p>No value is missing.</p>
{% endif %}
</section>

<section id="selection">
<h2>Selection bias</h2>
<p>Which rows did filters and quarantine remove? A model learns from the rows that were kept.</p>
{% for part in slices %}
<h3>{{ part.slice }}: removed by {{ part.by }}</h3>
<p>{{ part.said }}.</p>
{{ slices_table(part, part.lines) }}
{% if part.more %}
<details><summary>{{ part.more | length }} more</summary>
{{ slices_table(part, part.more) }}</details>
{% endif %}
{% endfor %}
{% if removed %}
<h3>By column</h3>
<div class="scroll" tabindex="0" role="region" aria-label="Removed rows by column">
<table class="stack"><thead><tr><th scope="col">Column</th>
<th scope="col" class="left">Removed by</th><th scope="col">Effect</th><th scope="col">Limit</th>
<th scope="col" class="left">To scale</th><th scope="col" class="left">Removed and kept rows</th>
</tr></thead><tbody>
{% for line in removed %}
<tr{% if line.alarm %} class="alarm"{% endif %}><th scope="row">{{ line.column }}
{%- if line.alarm %} <span class="tag warn">stands out</span>{% endif %}</th>
<td class="left">{{ line.by }}</td><td data-is="effect">{{ line.effect }}</td>
<td data-is="limit">{{ line.threshold }}</td>{{ bar(line) }}
<td class="said">{{ line.said }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
{% if not slices and not removed %}<p>Nothing to compare; if rows were removed, the reasons are
below.</p>
{% endif %}
</section>

<section id="columns">
<h2>Columns</h2>
<p class="soft">Cleaned rows. Filled: this batch; line: the reference, on the same scale.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Statistics by column">
<table class="stack"><thead><tr><th scope="col">Column</th><th scope="col" class="left">Type</th>
<th scope="col">Missing</th><th scope="col">Distinct</th>
<th scope="col" class="left">Distribution</th><th scope="col" class="left">Values</th></tr></thead>
<tbody>
{% for line in columns %}
<tr><th scope="row">{{ line.column }}{% if line.description %}<div class="soft">
{{- line.description }}</div>{% endif %}</th>
<td class="left">{{ line.type }}{% if line.unit %} [{{ line.unit }}]{% endif %}</td>
<td data-is="missing">{{ line.missing }}</td><td data-is="distinct">{{ line.distinct }}</td>
<td class="left">{{ line.picture }}</td><td class="said">{{ line.said }}</td></tr>
{% endfor %}
</tbody></table></div>
</section>

<section id="not">
<h2>Not computed</h2>
{% if not_computed %}
<div class="scroll" tabindex="0" role="region" aria-label="Not computed">
<table class="stack"><thead><tr><th scope="col">What</th><th scope="col" class="left">Why</th></tr>
</thead><tbody>
{% for line in not_computed %}
<tr><th scope="row">{{ line.what }}</th><td class="said">{{ line.why }}</td></tr>
{% endfor %}
</tbody></table></div>
{% else %}<p>Everything was computed.</p>
{% endif %}
</section>
<section id="inputs">
<h2>Inputs</h2>
<p class="soft">Content digests of this page&rsquo;s inputs; <code>ml-assets lineage
{{ dataset }}/cleaned{% if batch %} --partition {{ batch }}{% endif %}</code> leads on to the
landed files.</p>
<dl class="digests">
{% for name, digest in inputs.items() %}<div><dt>{{ name }}</dt><dd><code>{{ digest }}</code></dd>
</div>
{% endfor %}</dl>
</section>
<footer>Generated by ml_assets; the same rows and the same reference give the same page, to the
byte.</footer>
</main>
</body>
</html>
"""
)
PAGE = TESTS + _MACROS + head("{{ dataset }} {{ batch }} &ndash; quality report") + _BODY
