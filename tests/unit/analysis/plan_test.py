"""The picture of a plan: which points are on the front, that it is drawn the same twice, and what bad input is told."""
import contextlib
import io
import json
import pathlib
import shutil
import sys
import tempfile
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))
from analysis.__main__ import main  # noqa: E402
from analysis.plan import name_of, pareto_front  # noqa: E402

KEY = "cluster.node_types.machine.count"


def plan_of(values, limit=12.0):
    """One machine, two machines …, with these makespans."""
    rows = [{"point": {KEY: str(i + 1)}, "seeds": [1], "slo": {"makespan <= 12s": v}, "ok": v <= limit, "cost": float(i + 1)}
            for i, v in enumerate(values)]
    return {"answer": next((row for row in rows if row["ok"]), None), "objective": "cost per hour",
            "slos": [{"slo": "makespan <= 12s", "metric": "makespan_s", "limit": limit, "at_most": True}],
            "evaluated": rows, "lower_bound": {"flow_cost_per_hour": 2.8}, "explanation": "bisected"}


class Front(unittest.TestCase):
    def test_what_is_beaten_in_both_is_not_on_it(self):
        self.assertEqual(pareto_front([(3, 12), (1, 34), (4, 15), (2, 17), (9, 11)]), [1, 3, 0, 4])

    def test_equal_cost_and_equal_value_keep_one(self):
        self.assertEqual(pareto_front([(1, 5), (1, 4), (2, 4)]), [1])

    def test_greater_may_be_better(self):
        self.assertEqual(pareto_front([(1, 0.5), (2, 0.4), (3, 0.9)], at_most=False), [0, 2])

    def test_points_are_named_by_what_sets_them_apart(self):
        self.assertEqual(name_of({KEY: "3", "policy.placement": "spread"}, [KEY]), "count=3")


class Picture(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="analysis-plan-"))
        self.addCleanup(shutil.rmtree, self.root)

    def draw(self, plan, *arguments):
        (self.root / "plan.json").write_text(plan if isinstance(plan, str) else json.dumps(plan))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(self.root), *arguments])
        return code, out.getvalue().strip(), err.getvalue()

    def test_it_is_drawn_and_the_same_twice(self):
        code, path, err = self.draw(plan_of([34, 17, 12, 15]))
        self.assertEqual((code, err, path), (0, "", str(self.root / "pareto.png")))
        first = pathlib.Path(path).read_bytes()
        self.assertGreater(len(first), 10_000)
        self.draw(plan_of([34, 17, 12, 15]))
        self.assertEqual(pathlib.Path(path).read_bytes(), first)

    def test_the_answer_limit_and_bound_are_in_it(self):
        code, path, _ = self.draw(plan_of([34, 17, 12, 15]), "--format", "svg")
        self.assertEqual(code, 0)
        text = pathlib.Path(path).read_text()
        for word in ("Pareto front", "flow bound", "limit", "answer", "count=3", "makespan &lt;= 12s"):
            self.assertIn(word, text)

    def test_several_slos_have_room_each(self):
        plan = plan_of([8047, 7627, 7507, 7387, 7387], limit=7200)
        plan["slos"].append({"slo": "p95_wait <= 3s", "metric": "wait_s.p95", "limit": 180, "at_most": True})
        for row in plan["evaluated"]:
            row["slo"]["p95_wait <= 3s"] = 800 / row["cost"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # matplotlib warns of panels without height
            self.assertEqual(self.draw(plan)[0], 0)

    def test_no_answer_zero_values_and_no_bound_are_drawn_too(self):
        plan = plan_of([3400, 0.0, 15])
        plan["answer"], plan["lower_bound"] = None, {"flow_cost_per_hour": None}
        self.assertEqual(self.draw(plan)[0], 0)

    def test_bad_input(self):
        self.assertIn("cannot be read", self.draw("{")[2])
        self.assertIn("there is no 'slos'", self.draw({"evaluated": []})[2])
        self.assertIn("no point", self.draw(dict(plan_of([1]), evaluated=[]))[2])
        code, _, err = self.draw(plan_of([1]), str(self.root))
        self.assertEqual(code, 2)
        self.assertIn("name one folder", err)


if __name__ == "__main__":
    unittest.main()
