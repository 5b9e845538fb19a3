"""What `pip install .` puts into a Python (pyproject.toml), without the building: it runs away from its source and build folders.

Usage: install_test.py BUILD_FOLDER SOURCE_FOLDER
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

BUILD, SOURCE = map(pathlib.Path, sys.argv[1:3])


def main():
    settings = tomllib.loads((SOURCE / "pyproject.toml").read_text())
    options = settings["tool"]["scikit-build"]
    with tempfile.TemporaryDirectory(prefix="orrery-install-") as folder:
        site = pathlib.Path(folder) / "site"
        for package in options["wheel"]["packages"]:
            shutil.copytree(SOURCE / package, site / pathlib.Path(package).name, ignore=shutil.ignore_patterns("__pycache__"))
        for component in options["install"]["components"]:
            subprocess.run(["cmake", "--install", BUILD, "--component", component, "--prefix", site], check=True,
                           stdout=subprocess.DEVNULL)
        env = {key: value for key, value in os.environ.items() if not key.startswith("ORRERY_")}
        env.update(PYTHONPATH=str(site), PATH="/usr/bin:/bin")

        def run(*words):
            done = subprocess.run([sys.executable, *map(str, words)], env=env, cwd=folder, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
            return done.stdout

        assert run(SOURCE / "runtime/python/examples/squares.py") == "[0, 1, 4, 9]\n"
        module, function = settings["project"]["scripts"]["orrery"].split(":")
        start = f"import sys, {module}; sys.argv = ['orrery', *sys.argv[1:]]; {module}.{function}()"
        assert run("-c", start, "--version").startswith("orrery 0."), "the command of the package"
        scenario = SOURCE / "scenarios/smoke/hello.yaml"
        assert "makespan" in run("-c", start, "sim", "run", scenario, "--out", f"{folder}/out"), "and the one beside it"


if __name__ == "__main__":
    main()
