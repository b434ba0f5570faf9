"""The style sheet of the evaluation report: screen, dark mode, mobile, print.

Belongs here: CSS, as a Python text so that the code digest covers it. Does not belong here: HTML.
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
main, header, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .35rem; }
h1, p { overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .35rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .35rem 0 .75rem; max-width: 46rem; }
a { color: var(--accent); }
.skip { position: absolute; left: -999rem; } .skip:focus { left: .75rem; top: .75rem;
  background: var(--card); padding: .5rem .8rem; border-radius: 6px; z-index: 1; }
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
td.wrap { white-space: normal; min-width: 9rem; }
th .under, td .under { display: block; color: var(--soft); font-weight: 400; font-size: .85em; }
th:last-child, td:last-child { padding-right: 0; }
th:first-child, td:first-child, .left { text-align: left; }
thead th { color: var(--soft); font-weight: 600; font-size: .85rem; border-bottom-width: 2px;
  white-space: normal; vertical-align: bottom; }
tbody th { font-weight: 500; min-width: 7rem; max-width: 20rem; white-space: normal;
  overflow-wrap: break-word; }
tr.chosen th, tr.chosen td { font-weight: 650; } tr.few th, tr.few td { color: var(--soft); }
tbody tr:last-child th, tbody tr:last-child td { border-bottom: 0; }
.tag { display: inline-block; font-size: .75rem; font-weight: 600; padding: 0 .45rem;
  border-radius: 99px; border: 1px solid var(--line); color: var(--soft); margin-left: .35rem;
  white-space: nowrap; }
.tag.good { color: var(--good); background: var(--good-back); border-color: transparent; }
.tag.bad { color: var(--bad); background: var(--bad-back); border-color: transparent; }
.tag.warn { color: var(--warn); background: var(--warn-back); border-color: transparent; }
td i { display: block; height: .3rem; min-width: 1px; margin: .12rem 0 0 auto; border-radius: 2px;
  background: var(--bar); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr));
  gap: 1.4rem; margin-bottom: 1rem; }
figure { margin: .6rem 0 0; min-width: 0; }
figure h3 { margin: 0 0 .3rem; }
svg.plot { width: 100%; height: auto; display: block; }
svg.plot text { font-family: inherit; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: .3rem; }
details { margin-top: .8rem; } summary { cursor: pointer; color: var(--accent); }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .85em;
  overflow-wrap: anywhere; }
ul.notes { margin: .3rem 0 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
footer { color: var(--soft); font-size: .85rem; padding-top: .5rem; padding-bottom: 3rem; }
@media (max-width: 36rem) { main, header, footer { padding-left: .75rem;
    padding-right: .75rem; } header { padding-top: 1.25rem; } section { padding: 1rem .95rem; }
  table { font-size: .85rem; } th, td { padding-right: .7rem; }
  h1, dd b { font-size: 1.45rem; }
  dl.figures { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .8rem; } }
@page { margin: 15mm; }
@media print { :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb;
    --accent: #1f5fa8; --good: #1d6b3c; --bad: #a32a22; --warn: #7a5200; --bar: #a9c6e8;
    --plot-ink: #333; --plot-grid: #ccc; --plot-main: #1f5fa8; --plot-other: #7fb0de;
    --plot-band: #d3e4f5; }
  body { font-size: 10.5pt; } main, header, footer { max-width: none; padding: 0; }
  nav, .skip { display: none; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .8rem 0; }
  .verdict { border-left: 5px solid var(--soft); padding-left: .8rem; }
  tr, p, figure, dl.figures { break-inside: avoid; }
  h2, h3, h2 + p, summary { break-after: avoid; }
  .plots { grid-template-columns: 1fr 1fr; }
  /* Nobody can open a fold on paper. */
  details::details-content { content-visibility: visible; block-size: auto; }
  .scroll { overflow: visible; } th, td { white-space: normal; } }
"""
