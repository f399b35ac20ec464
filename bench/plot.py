"""A bar for each figure, as SVG."""

from html import escape

_ROW, _LABEL, _WIDTH = 28, 120, 420


def bars(figures: dict[str, float], title: str, remark: str = "") -> str:
    """Return a picture of `figures`, requests a second by subject, with a `remark` that has to be seen below them."""
    most = max(figures.values())
    rows = [
        f'<text x="{_LABEL - 8}" y="{at + 18}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{_LABEL}" y="{at + 4}" width="{_WIDTH * value / most:.1f}" height="{_ROW - 8}"/>'
        f'<text x="{_LABEL + _WIDTH * value / most + 6:.1f}" y="{at + 18}">{value:,.0f}</text>'
        for at, (name, value) in zip(range(0, _ROW * len(figures), _ROW), figures.items(), strict=True)
    ]
    if remark:
        rows.append(f'<text x="8" y="{_ROW * len(rows) + 18}" fill="#b00020">{escape(remark)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LABEL + _WIDTH + 80}" height="{_ROW * len(rows)}" '
        f'font-family="sans-serif" font-size="13" fill="#335c81">\n<title>{escape(title)}</title>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )
