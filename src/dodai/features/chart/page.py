"""The picture in a page: the same SVG, and details that follow the pointer."""

from __future__ import annotations

from html import escape

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: boot</title>
<style>
body {{ margin: 0; padding: 24px; background: #eef1f6; }}
main {{ max-width: 1200px; margin: auto; border-radius: 10px; overflow: auto; box-shadow: 0 1px 4px #0003; }}
svg {{ display: block; width: 100%; min-width: 800px; height: auto; }}
#details {{ position: fixed; padding: 6px 10px; border-radius: 6px; background: #1d2433; color: #fff; max-width: 420px;
  font: 13px/1.4 system-ui, sans-serif; white-space: pre-line; pointer-events: none; }}
#details:empty {{ display: none; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #0c1018; }}
  #details {{ background: #e8ecf4; color: #141924; }}
}}
</style>
<main>
{svg}
</main>
<div id="details" role="status"></div>
<script>
const details = document.getElementById("details");
for (const bar of document.querySelectorAll(".bar[tabindex]")) {{
  const title = bar.querySelector("title");
  const text = title.textContent;
  bar.setAttribute("aria-label", text);
  title.remove();  // the browser's own would come on top
  const show = (x, y) => {{
    details.textContent = text;
    details.style.left = Math.min(x + 14, innerWidth - details.offsetWidth - 8) + "px";
    details.style.top = Math.min(y + 14, innerHeight - details.offsetHeight - 8) + "px";
  }};
  bar.addEventListener("pointermove", event => show(event.clientX, event.clientY));
  bar.addEventListener("focus", () => {{ const box = bar.getBoundingClientRect(); show(box.left, box.bottom); }});
  for (const end of ["pointerleave", "blur"]) bar.addEventListener(end, () => {{ details.textContent = ""; }});
}}
</script>
</html>
"""


def make(name: str, svg: str) -> str:
    """A page around the SVG."""
    return _PAGE.format(name=escape(name.encode("utf-8", "replace").decode()), svg=svg)
