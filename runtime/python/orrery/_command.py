"""The `orrery` command of an installed package: the program that lies in it."""
import os
import pathlib
import sys


def main() -> None:
    program = pathlib.Path(__file__).with_name("bin") / "orrery"
    os.execv(program, [str(program), *sys.argv[1:]])
