"""The command line as a user meets it: what it writes, that it writes the same twice, and what it says to bad input."""
import contextlib
import io
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]
import synthetic  # noqa: E402
from analysis.__main__ import main  # noqa: E402
from analysis.load import load_result, load_results  # noqa: E402


def run(*arguments):
    """(exit code, stdout, stderr)."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(a) for a in arguments])
    return code, out.getvalue(), err.getvalue()


class Folder(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="analysis-test-"))
        self.addCleanup(shutil.rmtree, self.root)


class Report(Folder):
    def test_one_folder_gives_page_and_pictures_beside_the_data(self):
        folder = synthetic.write_result(self.root / "sim", tasks=60, faults=[(3.0, "kill node")])
        code, out, err = run(folder)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.strip(), str(folder / "report.html"))
        self.assertLessEqual({"gantt.png", "load.png", "wait.png"}, {p.name for p in folder.iterdir()})
        page = (folder / "report.html").read_text()
        self.assertEqual(page.count("data:image/png;base64,"), 3)
        self.assertNotRegex(page, r'(src|href)="(?!data:)')  # self-contained
        for text in ("every task ends once", "Little&#x27;s law", "5f0c2d9a77e1b340", "Makespan"):
            self.assertIn(text, page)

    def test_two_folders_are_compared(self):
        sim = synthetic.write_result(self.root / "run" / "sim", tasks=60)
        live = synthetic.write_result(self.root / "run" / "live", tasks=60, seed=2, world="live")
        code, out, _ = run(sim, live)
        self.assertEqual(code, 0)
        page = pathlib.Path(out.strip())
        self.assertEqual(page.parent, self.root / "run")
        self.assertIn("second / first", page.read_text())
        self.assertTrue((page.parent / "gantt-sim.png").exists() and (page.parent / "gantt-live.png").exists())

    def test_the_table_for_terminals_lines_up_and_shows_violated_checks(self):
        sim = synthetic.write_result(self.root / "sim", tasks=60)
        summary = sim / "summary.json"
        summary.write_text(summary.read_text().replace('"ok": true', '"ok": false', 1))
        code, out, _ = run(sim, sim, "--table")
        self.assertEqual(code, 0)
        lines = out.splitlines()
        makespan = next(line for line in lines if line.startswith("Makespan"))
        self.assertTrue(makespan.endswith("× 1"))
        self.assertEqual(len(makespan), len(lines[0]))
        self.assertTrue(any(line.startswith("VIOLATED") and "every task ends once" in line for line in lines))

    def test_large_objects_get_a_picture_and_their_own_figures(self):
        folder = synthetic.write_result(self.root / "sim", tasks=60, objects=True)
        summary = folder / "summary.json"
        summary.write_text(json.dumps(json.loads(summary.read_text()) | {"objects": {"created": 1}, "transfers": {"bytes": 1 << 20}}))
        code, out, err = run(folder, folder, "--table")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"Bytes moved +1 MiB +1 MiB +× 1\n")
        self.assertTrue((folder / "objects.png").exists() or (self.root / "objects.png").exists())
        objects = load_result(folder).objects
        self.assertEqual(objects.memory.tolist(), [1 << 20, 2 << 20, 1 << 20, 1 << 20])
        self.assertEqual(objects.disk.tolist(), [0, 0, 1 << 20, 0])

    def test_equal_input_gives_equal_files(self):
        folder = synthetic.write_result(self.root / "sim", tasks=60)
        for kind in ("png", "svg"):
            run(folder, "-o", self.root / f"a-{kind}", "--format", kind)
            run(folder, "-o", self.root / f"b-{kind}", "--format", kind)
            files = sorted(p.name for p in (self.root / f"a-{kind}").iterdir())
            self.assertEqual(len(files), 4)
            for name in files:
                self.assertEqual((self.root / f"a-{kind}" / name).read_bytes(), (self.root / f"b-{kind}" / name).read_bytes(),
                                 name)

    def test_many_nodes_give_a_map_with_few_elements(self):
        folder = synthetic.write_result(self.root / "big", nodes=300, tasks=2000, types=2)
        self.assertEqual(run(folder, "--format", "svg")[0], 0)
        self.assertLess((folder / "gantt.svg").stat().st_size, 600_000)
        self.assertIn("image", (folder / "gantt.svg").read_text())

    def test_allocation_run_without_tasks(self):
        folder = synthetic.write_allocation(self.root / "openb", seeds=3)
        self.assertEqual(run(folder)[0], 0)
        self.assertEqual([p.name for p in folder.glob("*.png")], ["allocation.png"])
        self.assertIn("95.20 %", (folder / "report.html").read_text())

    def test_a_run_in_which_nothing_started(self):
        folder = synthetic.write_result(self.root / "stuck", tasks=3)
        lines = (folder / "tasks.csv").read_text().splitlines()
        stuck = ["1.1.1,f,1,0,,,1,0,0.5,,,,,,,Infeasible"]
        (folder / "tasks.csv").write_text("\n".join([lines[0]] + stuck) + "\n")
        self.assertEqual(run(folder)[0], 0)

    def test_an_empty_task_table(self):
        folder = synthetic.write_result(self.root / "none", tasks=3)
        (folder / "tasks.csv").write_text(synthetic.HEADER + "\n")
        self.assertEqual(run(folder)[0], 0)


class Reading(Folder):
    def test_values_arrive_unchanged(self):
        folder = synthetic.write_result(self.root / "sim", tasks=50)
        tasks = load_result(folder).tasks
        rows = [line.split(",") for line in (folder / "tasks.csv").read_text().splitlines()[1:]]
        self.assertEqual(tasks.submit.tolist(), [float(r[8]) for r in rows])
        self.assertEqual([tasks.group_names[g] for g in tasks.group], [r[1] for r in rows])
        self.assertEqual((tasks.node + 1).tolist(), [int(r[4]) for r in rows])

    def test_quoted_names_read_like_plain_ones(self):
        folder = synthetic.write_result(self.root / "sim", tasks=50)
        plain = load_result(folder).tasks
        file = folder / "tasks.csv"
        file.write_text(file.read_text().replace(",train,", ',"train, ""x""",'))
        quoted = load_result(folder).tasks
        self.assertIn('train, "x"', quoted.group_names)
        self.assertEqual(plain.start.tolist(), quoted.start.tolist())

    def test_labels_are_the_shortest_that_differ(self):
        for part in ("a/sim", "b/sim"):
            synthetic.write_result(self.root / part, tasks=5)
        labels = [r.label for r in load_results([self.root / "a/sim", self.root / "b/sim"])]
        self.assertEqual(labels, ["a/sim", "b/sim"])


class BadInput(Folder):
    def refused(self, *expected):
        code, out, err = run(self.root / "sim")
        self.assertEqual((code, out), (2, ""))
        for text in expected:
            self.assertIn(text, err)
        self.assertNotIn("Traceback", err)

    def change(self, name, old, new):
        file = synthetic.write_result(self.root / "sim", tasks=9) / name
        text = file.read_text()
        self.assertIn(old, text)
        file.write_text(text.replace(old, new, 1))

    def test_no_such_folder_names_the_nearest(self):
        (self.root / "simm").mkdir()
        self.refused("no such result folder", "did you mean 'simm'")

    def test_missing_file_lists_what_is_there(self):
        folder = synthetic.write_result(self.root / "sim", tasks=9)
        (folder / "tasks.csv").rename(folder / "task.csv")
        self.refused("neither tasks.csv nor allocation.csv", "did you mean 'task.csv'")

    def test_missing_column_names_the_nearest(self):
        self.change("tasks.csv", "start_time_s", "start_time")
        self.refused("tasks.csv: column 'start_time_s' is missing; did you mean 'start_time'?")

    def test_ragged_row_has_its_number(self):
        self.change("tasks.csv", "1.1.3,", "1.1.3,extra,")
        self.refused("tasks.csv:4: 17 fields, expected 16")

    def test_bad_number_has_its_row(self):
        folder = synthetic.write_result(self.root / "sim", tasks=9)
        lines = (folder / "tasks.csv").read_text().splitlines()
        cells = lines[5].split(",")
        cells[9] = "soon"
        lines[5] = ",".join(cells)
        (folder / "tasks.csv").write_text("\n".join(lines) + "\n")
        self.refused("tasks.csv:6: column 'start_time_s': 'soon' is not a number")

    def test_unknown_node(self):
        self.change("nodes.csv", "\n2,", "\n7,")
        self.refused("node '2' is not in nodes.csv")

    def test_broken_summary(self):
        self.change("summary.json", "{", "{,")
        self.refused("summary.json: not valid JSON")

    def test_missing_summary(self):
        (synthetic.write_result(self.root / "sim", tasks=9) / "summary.json").unlink()
        self.refused("summary.json is missing")


if __name__ == "__main__":
    unittest.main()
