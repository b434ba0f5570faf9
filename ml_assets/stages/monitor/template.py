"""The page of the monitoring report: a Jinja2 template. Its style is that of the quality report.

Belongs here: structure, fixed wording. Does not belong here: figures, formatting of numbers
(`page`). A Python text, not a file, so that the code digest covers it.
"""

from ml_assets.stages.html import head
from ml_assets.stages.quality.template import STYLE as BASE
from ml_assets.stages.quality.template import TESTS, TILES

_BODY = (
    """<a class="skip" href="#result">Skip to the result</a>
<main>
<header>
<p class="over">Monitoring report</p>
<h1>{{ model }}{% if batch %} {{ batch }}{% endif %}</h1>
<p class="soft">{{ description }}{{ ' ' if description }}Predicted by {{ version }}.</p>
<nav aria-label="Sections"><ul>
<li><a href="#result">Result</a></li><li><a href="#inputs">Inputs</a></li>
<li><a href="#prediction">Prediction</a></li><li><a href="#true">What came true</a></li>
<li><a href="#estimates">Estimates</a></li>
{% if history %}<li><a href="#history">History</a></li>{% endif %}
{% if service %}<li><a href="#service">Service</a></li>{% endif %}
<li><a href="#not">Not computed</a></li>
</ul></nav>
</header>

<section id="result">
<h2>Result</h2>
<dl>
{% for name, value in counts %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
{% endfor %}
</dl>
"""
    + TILES
    + """</section>

<section id="inputs">
<h2>Inputs</h2>
<p>{{ reference }}</p>
{% if drift %}
<p class="soft">Effects: for numbers the largest difference of the shares below any value
(Kolmogorov-Smirnov), for values the share of rows that would have to change (total variation), for
missing values Cohen&rsquo;s h, for new values their share. A batch like the training rows exceeds
any limit with a probability of {{ rate }}. The middle of a bar is the limit.</p>
{{ tests(drift, 'Drift by input', 'changed') }}
{% else %}<p>No input was compared; the reasons are below.</p>
{% endif %}
{% if joint %}
<h3>All inputs together</h3>
<p>A classifier is asked which rows are the batch&rsquo;s: {{ joint }} 0.5 is no difference.</p>
{% endif %}
{% if before %}
<h3>Against {{ before }}, the batch before</h3>
{{ tests(changed, 'Drift against the batch before', 'changed') }}
{% endif %}
{% if missing %}
<h3>Missing and new values</h3>
<div class="scroll" tabindex="0" role="region" aria-label="Missing and new values">
<table><thead><tr><th scope="col">Input</th><th scope="col">Missing</th>
<th scope="col">Rows with a new value</th></tr></thead><tbody>
{% for name, share, new in missing %}
<tr><th scope="row">{{ name }}</th><td>{{ share }}</td><td>{{ new }}</td></tr>
{% endfor %}
</tbody></table></div>
{% else %}<p>No value is missing, and none is new.</p>
{% endif %}
</section>

<section id="prediction">
<h2>Prediction</h2>
<p class="soft">Against the predictions of the model&rsquo;s test rows.</p>
{% if prediction %}{{ tests(prediction, 'Drift of the prediction', 'changed') }}
{% else %}<p>It was not compared; the reasons are below.</p>
{% endif %}
{% if rival %}<p>{{ rival }}</p>{% endif %}
</section>

<section id="true">
<h2>What came true</h2>
{% if metrics %}
<p class="soft">Rows with a label that the model was not trained on, by the block bootstrap of the
evaluation report.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Realized metrics">
<table><thead><tr><th scope="col">Metric</th><th scope="col">Value</th>
<th scope="col">Interval</th><th scope="col">Rows</th><th scope="col">On test</th>
<th scope="col">Interval</th></tr></thead><tbody>
{% for line in metrics %}
<tr{% if line.worse %} class="alarm"{% endif %}><th scope="row">{{ line.name }}
{%- if line.worse %} <span class="tag warn">worse than on test</span>{% endif %}</th>
<td>{{ line.value }}</td><td>{{ line.around }}</td><td>{{ line.rows }}</td>
<td>{{ line.test }}</td><td>{{ line.test_around }}</td></tr>
{% endfor %}
</tbody></table></div>
{% else %}<p>Nothing yet; the reasons are below.</p>
{% endif %}
{% if slices %}
<h3>{{ metric }} by slice, the worst first</h3>
<div class="scroll" tabindex="0" role="region" aria-label="Metric by slice">
<table><thead><tr><th scope="col">Slice</th><th scope="col" class="left">Value</th>
<th scope="col">Rows</th><th scope="col">{{ metric }}</th><th scope="col">Interval</th></tr></thead>
<tbody>
{% for line in slices %}
<tr{% if line.few %} class="few"{% endif %}><th scope="row">{{ line.slice }}
{%- if line.few %} <span class="tag">few rows</span>{% endif %}</th>
<td class="left">{{ line.value }}</td><td>{{ line.rows }}</td><td>{{ line.metric }}</td>
<td>{{ line.around }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
{% if calibration %}
<h3>Calibration</h3>
<p>{{ calibration.said }}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Calibration">
<table><thead><tr><th scope="col">Rows</th><th scope="col">Predicted, mean</th>
<th scope="col">Observed, mean</th></tr></thead><tbody>
{% for rows, said, seen in calibration.lines %}
<tr><td class="left">{{ rows }}</td><td>{{ said }}</td><td>{{ seen }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
</section>

{% if protected %}
<section id="protected">
<h2>Protected groups</h2>
<p class="soft">Selected is the share of rows that reach the threshold, true (false) positive that
of rows whose target is true (false). Groups of few rows are not compared.</p>
{% for table in protected %}
<div class="scroll" tabindex="0" role="region" aria-label="By {{ table.column }}">
<table><thead><tr><th scope="col">{{ table.column }}</th><th scope="col">Rows</th>
{% for name in table.head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for group, rows, cells in table.lines %}
<tr><th scope="row">{{ group }}</th><td>{{ rows }}</td>
{%- for cell in cells %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
<tr><th scope="row">largest difference</th><td></td>
{%- for cell in table.apart %}<td>{{ cell }}</td>{% endfor %}</tr>
</tbody></table></div>
{% endfor %}
</section>

{% endif %}
<section id="estimates">
<h2>Estimates before labels</h2>
<p class="soft">From the predictions alone, by what was true of the model&rsquo;s test rows. The
interval was tried on each block of them in turn. No estimate without labels sees that the relation
of inputs and target has changed.</p>
{% if estimated %}
<div class="scroll" tabindex="0" role="region" aria-label="Estimated metrics">
<table class="stack"><thead><tr><th scope="col">Metric</th><th scope="col" class="left">Method</th>
<th scope="col">Estimate</th><th scope="col">Interval (90 %)</th>
<th scope="col">Held when tried</th><th scope="col" class="left">Status</th></tr></thead><tbody>
{% for line in estimated %}
<tr><th scope="row">{{ line.name }}</th><td class="left">{{ line.method }}</td>
<td data-is="estimate">{{ line.value }}</td><td data-is="interval">{{ line.around }}</td>
<td data-is="held">{{ line.held }}</td><td class="said">{{ line.said }}</td></tr>
{% endfor %}
</tbody></table></div>
{% else %}<p>There are none; the reasons are below.</p>
{% endif %}
</section>

{% if history %}
<section id="history">
<h2>History</h2>
<p class="soft">This report and those before it, at most twelve.</p>
<div class="plots">
{% for title, plot in history.plots %}
<figure><h3>{{ title }}</h3>{{ plot }}</figure>
{% endfor %}
</div>
<div class="scroll" tabindex="0" role="region" aria-label="History">
<table><thead><tr><th scope="col">Batch</th><th scope="col">Model</th><th scope="col">Rows</th>
<th scope="col">Inputs changed</th><th scope="col">AUC, together</th>
<th scope="col">{{ metric }}, estimated</th><th scope="col">{{ metric }}</th>
<th scope="col">With a label</th></tr></thead><tbody>
{% for line in history.lines %}
<tr><th scope="row">{{ line[0] }}</th>{% for cell in line[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
</section>

{% endif %}
{% if service %}
<section id="service">
<h2>Service</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Service">
<table class="stack"><tbody>
{% for name, said in service %}
<tr><th scope="row">{{ name }}</th><td class="said">{{ said }}</td></tr>
{% endfor %}
</tbody></table></div>
</section>

{% endif %}
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
<footer>Generated by ml_assets; the same rows and the same model give the same page, to the
byte.</footer>
</main>
</body>
</html>
"""
)
STYLE = f"""{BASE}
.plots {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; }}
figure {{ margin: 0; }}
svg.plot {{ width: 100%; height: auto; }}
"""
PAGE = TESTS + head("{{ model }} {{ batch }} &ndash; monitoring report") + _BODY
