"""The repository checks itself. Run by CTest and by `./dev lint`.

    python3 tests/tidy/tidy.py ROOT [--tables PRINT_TABLES] [--rewrite]

Each finding is one line, `path:line: [rule] what is wrong and what to write instead`; exit code 1 when there is any.
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from rules_bans import check_bans, check_words  # noqa: E402
from rules_includes import check_includes, check_links  # noqa: E402
from rules_sizes import check_sizes  # noqa: E402
from source import read_sources  # noqa: E402
from tables import check_tables, print_tables, rewrite  # noqa: E402

RULES = (check_includes, check_links, check_bans, check_words, check_sizes)


def findings(source):
    """Every breach of a rule in one file, as (path, line, rule, message)."""
    for rule in RULES:
        for line, name, message in rule(source):
            yield source.path, line, name, message


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Checks the project's own rules.")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--tables", help="the print_tables executable; without it tables are not compared")
    parser.add_argument("--rewrite", action="store_true", help="fill the generated tables in instead of comparing them")
    options = parser.parse_args(arguments)
    sources = list(read_sources(options.root))
    pages = {s.path: s.text for s in sources if s.path.endswith(".md")}
    tables = print_tables(options.tables) if options.tables else None
    if options.rewrite:
        for path, text in pages.items():
            fresh = rewrite(text, tables or {})
            if fresh != text:
                (options.root / path).write_text(fresh, encoding="utf-8")
                print(f"rewrote the tables of {path}")
        return 0
    found = sorted(f for s in sources for f in findings(s))
    if tables is not None:
        found += list(check_tables(pages, tables))
    for path, line, rule, message in found:
        print(f"{path}:{line}: [{rule}] {message}")
    print(f"tidy: {len(sources)} files, {len(found)} finding{'' if len(found) == 1 else 's'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
