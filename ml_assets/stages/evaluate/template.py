"""The page of the evaluation report: a Jinja2 template.

Belongs here: structure, fixed wording. Does not belong here: figures, style. A Python text, not
a file, so that the code digest covers it.
"""

PAGE = """{% macro cell(one) -%}
{% if one.code %}<code>{{ one.text }}</code>{% else %}{{ one.text }}{% endif %}
{%- for text, mood in one.tags %} <span class="tag {{ mood }}">{{ text }}</span>{% endfor %}
{%- if one.under %}<span class="under">{{ one.under }}</span>{% endif %}
{%- if one.bar is not none %}<i style="width:{{ one.bar }}%"></i>{% endif %}
{%- endmacro -%}
{% macro grid(table) -%}
<div class="scroll" tabindex="0" role="region" aria-label="{{ table.label }}">
<table>
<thead><tr>{% for text in table.head %}<th scope="col"
{%- if loop.index0 in table.left %} class="left"{% endif %}>{{ text }}</th>{% endfor %}</tr></thead>
<tbody>
{% for line in table.lines %}<tr{% if line.mood %} class="{{ line.mood }}"{% endif %}>
{%- for one in line.cells %}{% if loop.first %}<th scope="row">{{ cell(one) }}</th>
{%- else %}<td{% if loop.index0 in table.left %} class="left wrap"{% endif %}>{{ cell(one) }}</td>
{%- endif %}{% endfor %}</tr>
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
<a class="skip" href="#result">Skip to the result</a>
<header>
<p class="over">Evaluation report</p>
<h1>{{ model }}</h1>
<p class="lead">{{ description }}{% if predict_at %} Predicted at {{ predict_at }}; nothing
known later is used.{% endif %}</p>
<nav aria-label="Sections"><ul>
<li><a href="#result">Result</a></li>
{% for part in sections %}<li><a href="#{{ part.name }}">{{ part.title }}</a></li>
{% endfor %}</ul></nav>
</header>
<main>

<section id="result" class="verdict {{ verdict.mood }}" aria-labelledby="result-title">
<h2 id="result-title">{{ verdict.title }}</h2>
<p class="sentence">{{ verdict.sentence }}</p>
<dl class="figures">
{% for figure in headline %}<div><dt>{{ figure.name }}</dt>
<dd><b>{{ figure.value }}</b><span>{{ figure.below }}</span></dd></div>
{% endfor %}</dl>
</section>

{% for part in sections %}<section id="{{ part.name }}" aria-labelledby="{{ part.name }}-title">
<h2 id="{{ part.name }}-title">{{ part.title }}</h2>
{% if part.text %}<p>{{ part.text }}</p>
{% endif %}{% if part.plots %}<div class="plots">
{% for plot in part.plots %}<figure aria-labelledby="plot-{{ plot.name }}">
<h3 id="plot-{{ plot.name }}">{{ plot.title }}</h3>
{{ plot.element() | safe }}
<figcaption>{{ plot.text }}</figcaption></figure>
{% endfor %}</div>
{% endif %}{% for table in part.tables %}{% if table.title %}<h3>{{ table.title }}</h3>
{% endif %}{% if table.folded %}<details><summary>{{ table.folded }}</summary>
{{ grid(table) }}</details>
{% else %}{{ grid(table) }}
{% endif %}{% endfor %}{% if part.notes %}<ul class="notes soft">
{% for note in part.notes %}<li>{{ note }}</li>
{% endfor %}</ul>
{% endif %}</section>

{% endfor %}</main>
<footer>Made by ml_assets from the inputs above; the same inputs give the same page, to the
byte.</footer>
</body>
</html>
"""
