/** How the page looks: one set of colours for light, one for dark, both with enough contrast; no fonts or files from elsewhere. */
export const STYLE = `
:root { color-scheme: light dark;
  --page: #fbfbf9; --text: #1d2126; --soft: #5a626c; --line: #d9dcdf; --track: #e9ebee; --panel: #ffffff;
  --wrong: #c2331f; --loud: #b98300; --plain: #4a6fa5; --right: #1f7a4d; --link: #1c5aa8; --old: #f2c9c1; --oldtext: #7c1b0d; --new: #bfe3cf; --newtext: #0f4d2e; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171b; --text: #e6e8eb; --soft: #a3abb5; --line: #343a42; --track: #262b32; --panel: #1b1f25;
  --wrong: #ff7a66; --loud: #e5b03c; --plain: #86a9dd; --right: #5fc793; --link: #8ab8f5; --old: #57271f; --oldtext: #ffc9bf; --new: #1d4631; --newtext: #b9ecd0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main, header, nav { max-width: 1040px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 40px; } main { padding-bottom: 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 12px; text-wrap: balance; }
h2 { font-size: 21px; margin: 48px 0 8px; } h3 { font-size: 16px; margin: 24px 0 6px; }
p { max-width: 76ch; margin: 8px 0; } .soft { color: var(--soft); }
.lead { font-size: 18px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; margin: 16px 0 0; padding: 10px 0; border-block: 1px solid var(--line); }
a { color: var(--link); } :focus-visible { outline: 3px solid var(--link); outline-offset: 3px; border-radius: 2px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 16px; top: 12px; background: var(--panel); padding: 8px; }
.scroll { overflow-x: auto; margin: 12px 0; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
caption { text-align: left; padding: 10px 14px; color: var(--soft); }
th, td { text-align: left; padding: 8px 14px; border-top: 1px solid var(--line); vertical-align: top; }
thead th { font-weight: 600; color: var(--soft); font-size: 13px; vertical-align: bottom; }
tbody th { font-weight: 500; } .variant { min-width: 13em; }
.hash { white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.wide { width: 30%; min-width: 130px; }
code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.bar { display: block; width: 100%; height: 16px; margin-top: 4px; }
.track { fill: var(--track); } .wrong { fill: var(--wrong); } .loud { fill: var(--loud); } .plain { fill: var(--plain); } .right { fill: var(--right); }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; }
.key.wrong { background: var(--wrong); } .key.loud { background: var(--loud); } .key.right { background: var(--right); } .key.plain { background: var(--plain); }
.stale { color: var(--wrong); font-weight: 600; }
.timeline { display: block; width: 100%; min-width: 760px; padding: 14px; font: 15px system-ui, sans-serif; }
.timeline text { fill: var(--text); } .timeline .tick { fill: var(--soft); font-size: 13px; } .timeline .lane { font-weight: 600; }
.grid { stroke: var(--line); } .held-old { fill: var(--old); } .held-new { fill: var(--new); }
.timeline .held-old-text { fill: var(--oldtext); font-weight: 700; } .timeline .held-new-text { fill: var(--newtext); font-weight: 700; }
.mark { stroke: var(--soft); stroke-width: 2; stroke-dasharray: 4 3; } .wrong-mark { stroke: var(--wrong); stroke-dasharray: none; stroke-width: 3; }
.timeline .mark-text { fill: var(--oldtext); font-size: 14px; }
line.version { stroke: var(--right); } circle.version { fill: var(--right); } .timeline .version-text { font-size: 14px; }
.calls { display: block; width: 100%; min-width: 760px; padding: 10px 14px; font: 13px system-ui, sans-serif; } .calls text { fill: var(--soft); }
.sides { display: grid; grid-template-columns: 1fr; gap: 0 24px; } .sides > * { min-width: 0; }
@media (min-width: 1000px) { .sides { grid-template-columns: 9fr 10fr; } }
.sides table { font-size: 14px; } .sides th, .sides td { padding: 7px 10px; }
ul.hashes { padding-left: 18px; margin: 4px 0; } pre { overflow-x: auto; } summary { cursor: pointer; padding: 6px 0; font-weight: 500; }
`;
