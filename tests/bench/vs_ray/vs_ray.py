"""The same loops through Orrery and through Ray, interleaved; medians. Tasks in C++ (beside Ray's Python, and its C++ where
that can be built); tasks, actors and large values in Python.

Runs in a virtual environment that has Ray: ./dev bench vs_ray. In the output `ceiling` is Ray's figure and `ratio` is Orrery's
over Ray's: above 1 is better for rates (task_async), below 1 for times (task_sync).
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DEDUP_LOGS", "0")
import ray  # noqa: E402
from loops import loops  # noqa: E402


def compare_python(options, theirs):
    """Every loop through both."""
    package = pathlib.Path(find_orrery()).parents[1] / "python"
    if not package.is_dir():
        return print("Orrery's Python package is not built: left out", file=sys.stderr)
    orrery = Program(["/usr/bin/python3", "-B", str(HERE.parent / "python/orrery_program.py")], "result ",
                    {**os.environ, "PYTHONPATH": str(package)})
    for name, (unit, measure) in theirs.items():
        ours, values = [], []
        for _ in range(options.repetitions):
            ours.append(orrery.measure(name, options.seconds))
            values.append(measure(options.seconds))
        report(options.format, f"vs_ray.py_{name}", statistics.median(ours), unit, statistics.median(values))
    orrery.close()


class Program:
    """A process that answers "MODE SECONDS" lines with a number."""

    def __init__(self, words, prefix="", environment=None):
        self.prefix = prefix
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env=environment)
        if self.read("ready") is None:
            raise RuntimeError(f"{words[0]} did not start")

    def read(self, start):
        for line in self.process.stdout:
            if line.startswith(start):
                return line[len(start):].strip()
        return None

    def measure(self, mode, seconds):
        self.process.stdin.write(f"{mode} {seconds}\n")
        self.process.stdin.flush()
        return float(self.read(self.prefix))

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


def find_orrery():
    for folder in (os.environ.get("ORRERY_BIN"), HERE.parents[2] / "build/release/bin"):
        if folder and (pathlib.Path(folder) / "vs_ray_orrery").exists():
            return str(pathlib.Path(folder) / "vs_ray_orrery")
    sys.exit("vs_ray_orrery is not built; run ./dev build")


def build_ray_cpp(folder):
    """The C++ program and the library its workers load, or why not. Ray's wheels use the old string ABI."""
    cpp = pathlib.Path(ray.__file__).parent / "cpp"
    if not (cpp / "lib/libray_api.so").exists():
        return None, "this wheel of Ray has no C++ API"
    source = folder / "ray_tasks.cc"
    shutil.copy(HERE / "ray_tasks.txt", source)
    common = ["g++", "-O2", "-std=c++17", "-fPIC", "-D_GLIBCXX_USE_CXX11_ABI=0", f"-I{cpp}/include", str(source), f"-L{cpp}/lib",
              "-lray_api", f"-Wl,-rpath,{cpp}/lib"]
    library = folder / "lib/libray_tasks.so"
    library.parent.mkdir()
    for words in (common + ["-o", str(folder / "ray_tasks")], common + ["-shared", "-o", str(library)]):
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            return None, "Ray's C++ program does not compile: " + done.stderr.strip().splitlines()[-1]
    return [str(folder / "ray_tasks"), ray.get_runtime_context().gcs_address, str(library)], ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="orrery-vs-ray-"))
    programs = {}
    try:
        orrery = Program([find_orrery()])
        words, why_not = build_ray_cpp(folder)
        try:
            if words:
                programs["cpp"] = Program(words, "result ")
        except RuntimeError as error:
            why_not = str(error)
        if why_not:
            print(f"Ray C++ left out: {why_not}", file=sys.stderr)
        rays = loops(ray)
        measure = {"python": lambda mode, seconds: rays[f"task_{mode}"][1](seconds)}
        measure.update({name: program.measure for name, program in programs.items()})
        for mode, unit in (("async", "1/s"), ("sync", "us")):
            ours, theirs = [], {name: [] for name in measure}
            for _ in range(options.repetitions):
                ours.append(orrery.measure(mode, options.seconds))
                for name, function in measure.items():
                    theirs[name].append(function(mode, options.seconds))
            for name, values in theirs.items():
                report(options.format, f"vs_ray.task_{mode}.{name}", statistics.median(ours), unit, statistics.median(values))
        orrery.close()
        for program in programs.values():
            program.close()
        compare_python(options, rays)
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def report(form, name, value, unit, ceiling):
    row = {"name": name, "value": float(f"{value:.4g}"), "unit": unit, "ceiling": float(f"{ceiling:.4g}"), "ratio": round(value / ceiling, 4),
           "ray": ray.__version__}
    if form == "json":
        print(json.dumps(row), flush=True)
    else:
        print(f"{name:28} Orrery {value:12.4g} {unit:4} Ray {ray.__version__} {ceiling:12.4g} {unit:4} ratio {value / ceiling:.3g}", flush=True)


if __name__ == "__main__":
    main()
