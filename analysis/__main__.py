"""The command line: python3 -m analysis RESULT_DIR... [-o OUT] [--format png|svg]."""
import argparse
import pathlib
import sys

from .errors import AnalysisError
from .load import load_results
from .plan import draw_plan, is_plan, load_plan


def _default_out(folders):
    """One folder: into it. Several: into their common parent, else ./report."""
    if len(folders) == 1:
        return pathlib.Path(folders[0])
    parents = {pathlib.Path(f).resolve().parent for f in folders}
    return pathlib.Path(folders[0]).parent if len(parents) == 1 else pathlib.Path("report")


def _draw_plans(options):
    """Plans are pictures of their own: one folder gives one."""
    if len(options.folders) > 1:
        raise AnalysisError("a folder with plan.json is drawn alone; name one folder")
    plan = load_plan(options.folders[0])
    out = pathlib.Path(options.out) if options.out else pathlib.Path(options.folders[0])
    out.mkdir(parents=True, exist_ok=True)
    return draw_plan(plan, out / f"pareto.{options.format}")[0]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="analysis", description="Turns result folders into report.html and pictures; several folders are compared. A folder of "
                                            "`orrery plan --out` becomes a picture of cost against each SLO.")
    parser.add_argument("folders", nargs="+", metavar="RESULT_DIR", help="folder with summary.json and tasks.csv, or with plan.json")
    parser.add_argument("-o", "--out", metavar="OUT", help="where to write (default: the folder, or the folders' parent)")
    parser.add_argument("--format", choices=["png", "svg"], default="png", help="format of the pictures (default: png)")
    parser.add_argument("--table", action="store_true", help="print the figures too, side by side")
    options = parser.parse_args(arguments)
    try:
        if any(is_plan(folder) for folder in options.folders):
            print(_draw_plans(options))
            return 0
        results = load_results(options.folders)
        from .report import text_table, write_report  # matplotlib is slow to load: not for --help and bad input
        if options.table:
            print(text_table(results))
        print(write_report(results, pathlib.Path(options.out) if options.out else _default_out(options.folders),
                           options.format))
    except (AnalysisError, OSError) as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
