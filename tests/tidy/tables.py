"""Generated parts of Markdown pages: `<!-- NAME:begin -->` … `<!-- NAME:end -->` holds what print_tables prints for NAME."""
import re
import subprocess

_MARKED = re.compile(r"<!-- (?P<name>[\w-]+):begin -->\n(?P<body>.*?)<!-- (?P=name):end -->", re.S)


def print_tables(executable):
    """{name: Markdown} from the executable: "=== name" lines head the sections."""
    text = subprocess.run([str(executable)], capture_output=True, text=True, check=True).stdout
    parts = re.split(r"^=== ([\w-]+)\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def check_tables(pages, tables):
    """pages: {path: text}. Yields (path, line, rule, message)."""
    seen = set()
    for path, text in pages.items():
        for mark in re.finditer(r"<!-- ([\w-]+):(begin|end) -->", text):
            other = "end" if mark.group(2) == "begin" else "begin"
            if f"<!-- {mark.group(1)}:{other} -->" not in text:
                yield path, text.count("\n", 0, mark.start()) + 1, "table", f"marker '{mark.group(0)}' has no {other}"
        for match in _MARKED.finditer(text):
            line, name = text.count("\n", 0, match.start()) + 1, match.group("name")
            seen.add(name)
            if name not in tables:
                yield path, line, "table", f"nothing prints '{name}' (tests/tidy/print_tables.cc knows: {', '.join(sorted(tables))})"
            elif match.group("body") != _body(tables[name]):
                yield path, line, "table", f"the table '{name}' is out of date: run ./dev tables"
    for name in sorted(set(tables) - seen):
        yield "ARCHITECTURE.md", 1, "table", f"no page shows the table '{name}': add its markers"


def _body(markdown):
    return "\n" + markdown.strip("\n") + "\n\n"


def rewrite(text, tables):
    """The page with every known table filled in."""
    def replace(match):
        name = match.group("name")
        body = _body(tables[name]) if name in tables else match.group("body")
        return f"<!-- {name}:begin -->\n{body}<!-- {name}:end -->"
    return _MARKED.sub(replace, text)
