"""Curves as SVG, by matplotlib (Debian: python3-matplotlib)."""
import os
import statistics
import sys

import stage

try:
    import matplotlib
except ImportError:
    sys.exit("tools/bench: to draw, install python3-matplotlib")


def curves(name, title, x_label, y_label, series):
    """series: {label: {x: [values of the rounds]}}. The median as a line, lowest to highest as a band."""
    matplotlib.use("svg")
    from matplotlib import pyplot, ticker
    # The same input gives the same file, and text stays text.
    matplotlib.rcParams.update({"svg.hashsalt": "chatterbox", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10})
    figure, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
    for (label, points), color, marker in zip(series.items(), ("#1f5fa8", "#c2571a", "#3a7d44"), "osD"):
        xs = sorted(points)
        axes.plot(xs, [statistics.median(points[x]) for x in xs], color=color, marker=marker, markersize=4, label=label)
        axes.fill_between(xs, [min(points[x]) for x in xs], [max(points[x]) for x in xs], color=color, alpha=0.15, linewidth=0)
    axes.set(title=title, xlabel=x_label, ylabel=y_label, xscale="log")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    os.makedirs(stage.FIGURES, exist_ok=True)
    figure.savefig(os.path.join(stage.FIGURES, name), metadata={"Date": None, "Creator": None}, facecolor="white")
    stage.say(f"tools/figures/{name}")
