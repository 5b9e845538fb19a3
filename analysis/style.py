"""How every picture looks: palette, fonts, units, and files that come out the same every time."""
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend must be chosen first)
from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: E402

# Okabe and Ito, "Color Universal Design": told apart with every common form of colour blindness. Vermilion is kept for
# failures; yellow is left out, as it is too light for lines on white.
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#5D4A8A", "#7F7F7F"]
FAILED = "#D55E00"
INK = "#222222"
MUTED = "#6B6B6B"
# Different dashes too, so that lines stay apart in grey print.
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1))]
HEAT = "cividis"
WIDTH = 10.0  # inches

plt.rcParams.update({
    "figure.dpi": 100, "savefig.dpi": 130, "font.size": 10, "font.family": "DejaVu Sans", "text.color": INK,
    "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 10,
    "axes.labelsize": 10, "axes.labelcolor": INK, "axes.edgecolor": "#999999", "axes.linewidth": 0.8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "#E4E4E4", "grid.linewidth": 0.7, "xtick.color": INK, "ytick.color": INK, "xtick.labelsize": 9,
    "ytick.labelsize": 9, "legend.frameon": False, "legend.fontsize": 9, "lines.linewidth": 1.6,
    "svg.hashsalt": "orrery", "svg.fonttype": "none", "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.09, "figure.constrained_layout.w_pad": 0.07,
})


def colour(index):
    return PALETTE[index % len(PALETTE)]


def dashes(index):
    return DASHES[(index + index // len(PALETTE)) % len(DASHES)]


def save(figure, path):
    """Writes the figure without dates or versions, so that equal input gives equal files."""
    kind = path.suffix[1:]
    figure.savefig(path, metadata={"Date": None} if kind == "svg" else {"Software": None}, facecolor="white")
    plt.close(figure)
    return path


def time_unit(end):
    """(seconds per unit, name) so that [0, end] has short tick labels."""
    for limit, scale, name in ((2e-3, 1e-6, "µs"), (2.0, 1e-3, "ms"), (7200.0, 1.0, "s"), (4 * 86400.0, 3600.0, "h")):
        if end <= limit:
            return scale, name
    return 86400.0, "days"


def seconds(value):
    """A duration for people: three digits and a unit."""
    if value != value:
        return "–"
    if value == 0:
        return "0 s"
    for limit, scale, name in ((1e-3, 1e-6, "µs"), (1.0, 1e-3, "ms"), (600.0, 1.0, "s"), (2 * 86400.0, 3600.0, "h")):
        if abs(value) < limit:
            return f"{value / scale:.3g} {name}"
    return f"{value / 86400:.3g} d"


def byte_unit(largest):
    """(bytes per unit, name) so that [0, largest] has short tick labels."""
    for limit, scale, name in ((1 << 14, 1, "B"), (1 << 24, 1 << 10, "KiB"), (1 << 34, 1 << 20, "MiB")):
        if largest < limit:
            return scale, name
    return 1 << 30, "GiB"


def size(value):
    """Bytes for people: three digits and a unit."""
    scale, name = next(((s, n) for s, n in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")) if abs(value) >= s), (1, "B"))
    return f"{value / scale:.3g} {name}" if abs(value) < 1000 * scale else f"{value / scale:.0f} {name}"


def number(value):
    """A count with thin spaces between thousands: 188 041."""
    return f"{value:,.0f}".replace(",", "\u202f")


def count_axis(axis):
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=2))
    axis.set_major_formatter(FuncFormatter(lambda v, _: number(v)))


def percent_axis(axis):
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g} %"))


def shorten(text, limit=34):
    return text if len(text) <= limit else text[:limit - 1] + "…"
