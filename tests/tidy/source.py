"""What the rules look at: files, and C++ text with its comments and strings told apart."""
import pathlib
import re
import subprocess

CPP = (".cc", ".h", ".inc")
TEXT = CPP + (".py", ".md", ".txt", ".cmake", ".proto", ".yaml", ".json", ".sh")

_TOKEN = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<raw>R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")|'
    r"""(?P<string>"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+')""", re.S)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


class Source:
    """One file. `path` is relative to the root, with forward slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.cpp = path.endswith(CPP)
        self.code = _TOKEN.sub(self._without_all, text) if self.cpp else text
        self.code_and_strings = _TOKEN.sub(self._without_comments, text) if self.cpp else text

    @staticmethod
    def _without_all(match):
        token = match.group(0)
        if match.group("comment"):
            return _blank(token)
        return token[0] + _blank(token[1:-1]) + token[-1] if not match.group("raw") else '"' + _blank(token[2:]) + '"'

    @staticmethod
    def _without_comments(match):
        return _blank(match.group(0)) if match.group("comment") else match.group(0)

    @property
    def folder(self):
        """"runtime/gcs", "sim/engine", "tests/unit" …; the first two parts of the path."""
        return "/".join(self.path.split("/")[:2]) if self.path.count("/") >= 2 else self.path.rpartition("/")[0]

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def includes(self):
        """(line, included path, system) of each #include."""
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', self.code_and_strings, re.M):
            yield self.line_of(match.start()), match.group(1) or match.group(2), match.group(2) is not None


def read_sources(root):
    """Every text file of the project: what git tracks or would track; all files where there is no git."""
    root = pathlib.Path(root)
    listing = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-co", "--exclude-standard"],
                             capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        paths = sorted(set(listing.stdout.split("\n")) - {""})
    else:
        skip = {".git", "build", "out", "__pycache__", ".venv"}
        paths = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and not skip & set(p.parts))
    for path in paths:
        file = root / path
        if file.is_file() and (path.endswith(TEXT) or path in ("dev", ".ci/run") or file.name == "CMakeLists.txt"):
            yield Source(path, file.read_text(encoding="utf-8", errors="replace"))
