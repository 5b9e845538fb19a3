"""Sizes: files, functions, constructors."""
import ast
import re

MAX_FILE = 600
MAX_FUNCTION = 70
MAX_PARAMETERS = 6
_TRANSPARENT = re.compile(r"^\s*(?:template\s*<.*>\s*)?(?:inline\s+)?(?:namespace\b|extern\b|(?:class|struct|union|enum)\b)", re.S)


def check_sizes(source):
    """Yields (line, rule, message)."""
    code = source.path.endswith((".cc", ".h", ".inc", ".py", ".proto")) or source.path in ("dev", ".ci/run")
    lines = source.text.count("\n")
    if code and lines > MAX_FILE:
        yield 1, "file size", f"{lines} lines; split it by purpose (at most {MAX_FILE}, aim for 130)"
    functions = _cpp_functions(source) if source.cpp else _python_functions(source) if source.path.endswith(".py") else ()
    for line, length, name in functions:
        if length > MAX_FUNCTION:
            yield line, "function size", f"{name} has {length} lines; split it by step (at most {MAX_FUNCTION})"
    if source.cpp:
        yield from _constructors(source)


def _python_functions(source):
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1, node.name


def _without_directives(code):
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), code, flags=re.M)


def _cpp_functions(source):
    """(first line, lines, name) by counting braces: what opens in a namespace or class and has parameters."""
    code = _without_directives(source.code)
    # stack: None for namespaces and classes, (start, name) for a function, an int (where the header began) for a braced
    # member initialiser, "" for anything within.
    stack, head = [], 0
    for match in re.finditer(r"[{};]", code):
        at, mark = match.start(), match.group(0)
        outside = not stack or stack[-1] is None
        if mark == "{":
            header = re.sub(r"^\s*(?:public|private|protected)\s*:", "", code[head:at])
            if outside and _TRANSPARENT.match(header) and not re.search(r"\)\s*(?:const|noexcept|override)?\s*$", header):
                stack.append(None)
            elif outside and re.search(r"\)\s*(?:noexcept\s*)?:\s[^?]*[\w>]$", header, re.S):
                stack.append(head)
            elif outside and "(" in header and not re.search(r"=\s*$", header):
                start = head + len(code[head:at]) - len(code[head:at].lstrip())
                stack.append((start, _name(header)))
            else:
                stack.append("")
        elif mark == "}" and stack:
            top = stack.pop()
            if isinstance(top, int):
                head = top
                continue
            if top:
                first, last = source.line_of(top[0]), source.line_of(at)
                yield first, last - first + 1, top[1]
        if mark != ";" or not stack or stack[-1] is None:
            head = at + 1


def _name(header):
    found = re.search(r"([~\w:]+|operator\S+)\s*\(", header)
    return found.group(1) if found else "function"


def _constructors(source):
    for name in set(re.findall(r"\b(?:class|struct)\s+(?:\[\[\w+\]\]\s*)?(\w+)[^;{()]*\{", source.code)):
        pattern = rf"^[ \t]+(?:explicit\s+|constexpr\s+)*{name}\s*\(((?:[^()]|\([^()]*\))*)\)\s*(?:noexcept\s*)?[:;{{]"
        for match in re.finditer(pattern, source.code, re.M):
            count = _parameters(match.group(1))
            if count > MAX_PARAMETERS:
                yield source.line_of(match.start()), "constructor", \
                    f"{name} takes {count} parameters (at most {MAX_PARAMETERS}): gather them in a struct"


def _parameters(text):
    depth, count = 0, 1 if text.strip() else 0
    for char in text:
        depth += (char in "<({[") - (char in ">)}]")
        count += char == "," and depth == 0
    return count
