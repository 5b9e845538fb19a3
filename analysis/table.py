"""A CSV reader for large, plain tables: columns are found by array operations, so that a million rows take seconds."""
import csv
import io

import numpy as np

from .errors import AnalysisError, nearest

_CHUNK = 1 << 18  # rows gathered at once; bounds the index matrices


class Table:
    """Columns of one CSV file, by name. A column is decoded when asked for, so unused ones cost nothing."""

    def __init__(self, path, names, rows, column_bytes):
        self.path = path
        self.names = names
        self.rows = rows
        self._column_bytes = column_bytes  # name index -> array of bytes strings

    def __contains__(self, name):
        return name in self.names

    def require(self, *names):
        """Raises AnalysisError unless every column is there."""
        for name in names:
            if name not in self.names:
                raise AnalysisError(f"{self.path}: column '{name}' is missing{nearest(name, self.names)} "
                                    f"(columns: {', '.join(self.names)})")

    def texts(self, name):
        """The column as an array of bytes strings; absent column: all empty."""
        if name not in self.names:
            return np.full(self.rows, b"", dtype="S1")
        return self._column_bytes(self.names.index(name))

    def categories(self, name):
        """(sorted distinct values as str, code per row). Cheap for short values."""
        values = self.texts(name)
        if values.dtype.itemsize <= 8:
            keys = np.zeros(len(values), dtype="S8")
            keys[:] = values
            distinct, codes = np.unique(keys.view(">u8"), return_inverse=True)
            names = distinct.astype(">u8").view("S8")
        else:
            names, codes = np.unique(values, return_inverse=True)
        return [n.decode("utf-8", "replace") for n in names], codes

    def numbers(self, name, missing=np.nan):
        """The column as float64; empty cells and an absent column become `missing`."""
        if name not in self.names:
            return np.full(self.rows, missing)
        values = self.texts(name)
        empty = values == b""
        if empty.any():
            values = values.astype(f"S{max(3, values.dtype.itemsize)}")
            values[empty] = b"nan"
        try:
            numbers = values.astype(np.float64)
        except ValueError:
            raise AnalysisError(self._bad_number(name, values)) from None
        if empty.any():
            numbers[empty] = missing
        return numbers

    def _bad_number(self, name, values):
        for row, value in enumerate(values):
            try:
                float(value)
            except ValueError:
                return f"{self.path}:{row + 2}: column '{name}': '{value.decode('utf-8', 'replace')}' is not a number"
        return f"{self.path}: column '{name}' is not numeric"


def read_table(path):
    """Reads a CSV file with a header row. Raises AnalysisError naming the file and row when it is not one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AnalysisError(f"{path}: cannot read: {error.strerror}") from None
    data = data.replace(b"\r\n", b"\n")
    if not data.strip():
        raise AnalysisError(f"{path}: empty; expected a header row")
    if not data.endswith(b"\n"):
        data += b"\n"
    return _quoted_table(path, data) if b'"' in data else _plain_table(path, data)


def _plain_table(path, data):
    header, _, body = data.partition(b"\n")
    names = header.decode("utf-8-sig", "replace").split(",")
    text = np.frombuffer(body, dtype=np.uint8)
    separators = np.flatnonzero((text == ord(",")) | (text == ord("\n")))
    line_ends = np.flatnonzero(text[separators] == ord("\n"))
    widths = np.diff(line_ends, prepend=-1)
    wrong = np.flatnonzero(widths != len(names))
    if len(wrong):
        row = int(wrong[0])
        raise AnalysisError(f"{path}:{row + 2}: {int(widths[row])} fields, expected {len(names)}")
    rows = len(line_ends)
    ends = separators.reshape(rows, len(names))
    starts = np.concatenate(([0], separators[:-1] + 1)).astype(separators.dtype).reshape(ends.shape) if rows else ends

    def column_bytes(index):
        begin, length = starts[:, index], ends[:, index] - starts[:, index]
        width = max(1, int(length.max(initial=0)))
        out = np.zeros((rows, width), dtype=np.uint8)
        offsets = np.arange(width)
        for at in range(0, rows, _CHUNK):
            part = slice(at, at + _CHUNK)
            positions = np.minimum(begin[part, None] + offsets, len(text) - 1)
            out[part] = np.where(offsets < length[part, None], text[positions], 0)
        return out.view(f"S{width}").ravel()

    return Table(path, names, rows, column_bytes)


def _quoted_table(path, data):
    """Slower: for files in which a value needs quotes."""
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
    names = next(reader)
    rows = []
    for row in reader:
        if len(row) != len(names):
            raise AnalysisError(f"{path}:{reader.line_num}: {len(row)} fields, expected {len(names)}")
        rows.append(row)
    columns = list(zip(*rows)) if rows else [()] * len(names)

    def column_bytes(index):
        return np.array([value.encode() for value in columns[index]] or [], dtype=np.bytes_)

    return Table(path, names, len(rows), column_bytes)
