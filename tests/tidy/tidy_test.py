"""Proof that each rule fires on what it bans, and is silent on what it allows."""
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import tidy  # noqa: E402
from rules_bans import BANS  # noqa: E402
from rules_includes import ALLOWED  # noqa: E402
from rules_sizes import _cpp_functions  # noqa: E402
from source import Source  # noqa: E402
from tables import check_tables, rewrite  # noqa: E402


def rules(path, text):
    """Names of the rules that fire."""
    return sorted({rule for _, _, rule, _ in tidy.findings(Source(path, text))})


class Bans(unittest.TestCase):
    def test_every_ban_catches_its_example_in_every_folder_it_guards(self):
        for ban in BANS:
            for where in ban.where:
                path = (where or "runtime/gcs/") + "planted.cc"
                with self.subTest(ban=ban.name, path=path):
                    found = [f for f in tidy.findings(Source(path, f"int a;\n{ban.example}\n")) if f[2] == ban.name]
                    self.assertTrue(found, f"'{ban.example}' was not caught")
                    self.assertEqual(found[0][1], 2)
                    self.assertIn("use ", found[0][3])

    def test_names_are_unique_and_each_names_a_replacement(self):
        self.assertEqual(len({b.name for b in BANS}), len(BANS))
        self.assertTrue(all(b.instead for b in BANS))

    def test_a_planted_unordered_iteration_is_caught(self):
        text = "void F(const std::unordered_map<int, int>& m) {\n  for (auto& [k, v] : m) Send(k, v);\n}\n"
        self.assertEqual(rules("runtime/gcs/planted.cc", text), ["unordered container"])

    def test_more_spellings(self):
        for line, rule in (("#include <chrono>", "clock"), ("#include <mutex>", "lock"), ("#include <iostream>", "iostream"),
                           ("thread_local int x;", "atomic"), ("::std::srand(1);", "rand()"), ("std::gamma_distribution<> d;",
                           "standard distribution"), ("std::set<const Worker*> ws;", "pointer as key"),
                           ("std::this_thread::sleep_for(d);", "sleep"), ("clock_gettime(0, &ts);", "time()"),
                           ("Lookup<Node*, int> by;", "pointer as key"), ("#include <sys/socket.h>", "socket"),
                           ("std::map<std::vector<int>*, int> m;", "pointer as key"), ("::kill(pid, 9);", "process control")):
            with self.subTest(line=line):
                self.assertIn(rule, rules("runtime/gcs/planted.cc", line + "\n"))

    def test_members_comments_and_strings_of_the_same_name_are_fine(self):
        for line in ("node.time(0);", "x->rand();", "// std::mutex is not needed", 'Trace("std::thread");', "int time_s = 0;",
                     "std::map<NodeId, Node*> nodes;", "Submit(time(now));", "env.kill(3);", "Runtime::exit(1);",
                     "std::optional<int> sleepers(3);", "int operand(0);", "/* rand() */"):
            with self.subTest(line=line):
                self.assertEqual(rules("runtime/gcs/fine.cc", line + "\n"), [])

    def test_the_live_side_may_use_clocks_threads_and_sockets(self):
        text = "auto t = std::chrono::steady_clock::now(); std::thread r(f); int s = ::socket(1, 1, 0);\n"
        self.assertEqual(rules("runtime/transport/clock.cc", text), [])

    def test_unfinished_work_and_machine_paths_in_any_file(self):
        self.assertEqual(rules("README.md", "FIXME\n"), ["unfinished"])
        self.assertEqual(rules("dev", "cd /home/" + "someone\n"), ["machine path"])
        self.assertEqual(rules("dev", "out/home/x work/root\n"), [])


class Words(unittest.TestCase):
    def test_runtime_does_not_speak_of_simulation(self):
        self.assertIn("simulation", rules("runtime/gcs/a.cc", "// only when simulated\n"))
        self.assertIn("simulation", rules("runtime/env/a.h", "bool simulated;\n"))
        self.assertEqual(rules("runtime/env/a.h", "// in simulation: constant\n"), [])
        self.assertEqual(rules("runtime/main/a.cc", 'Exec("orrery-sim"); // simulation\n'), [])
        self.assertEqual(rules("sim/engine/a.cc", "// simulated\n"), [])


class Includes(unittest.TestCase):
    def fires(self, path, included):
        return "include" in rules(path, f'#include "{included}"\n')

    def test_components_meet_only_in_messages(self):
        self.assertTrue(self.fires("runtime/gcs/a.cc", "runtime/node_manager/node_manager.h"))
        self.assertTrue(self.fires("runtime/core_worker/a.cc", "runtime/gcs/gcs.h"))
        self.assertFalse(self.fires("runtime/node_manager/a.cc", "runtime/object_store/store.h"))
        self.assertFalse(self.fires("runtime/gcs/a.cc", "runtime/messages/message.h"))

    def test_the_direction_is_inwards(self):
        self.assertTrue(self.fires("runtime/common/a.h", "runtime/env/env.h"))
        self.assertTrue(self.fires("runtime/scheduling/a.h", "runtime/env/env.h"))
        self.assertTrue(self.fires("runtime/transport/a.cc", "runtime/gcs/gcs.h"))
        self.assertTrue(self.fires("runtime/main/a.cc", "sim/engine/engine.h"))
        self.assertTrue(self.fires("sim/engine/a.cc", "runtime/transport/frame.h"))
        self.assertTrue(self.fires("sim/replay/a.cc", "sim/engine/engine.h"))
        self.assertFalse(self.fires("sim/replay/a.cc", "runtime/transport/frame.h"))
        self.assertTrue(self.fires("sim/workload/a.cc", "sim/engine/engine.h"))
        self.assertTrue(self.fires("sim/platform/a.cc", "sim/faults/fault_injector.h"))
        self.assertFalse(self.fires("sim/faults/a.cc", "sim/engine/engine.h"))
        self.assertTrue(self.fires("sim/faults/a.cc", "sim/engine/event_queue.h"))
        self.assertTrue(self.fires("runtime/gcs/a.cc", "tests/support/recording_env.h"))

    def test_a_new_folder_needs_a_rule(self):
        self.assertTrue(self.fires("runtime/misc/a.cc", "runtime/common/ids.h"))

    def test_simgrid_only_in_engine_and_platform(self):
        for folder in ALLOWED:
            fired = "package" in rules(f"{folder}/a.cc", "#include <simgrid/s4u.hpp>\n")
            self.assertEqual(fired, folder not in ("sim/engine", "sim/platform"), folder)

    def test_heavy_headers_stay_out_of_headers(self):
        self.assertEqual(rules("sim/scenario/a.h", "#include <yaml-cpp/yaml.h>\n"), ["package"])
        self.assertEqual(rules("runtime/config/a.cc", "#include <yaml-cpp/yaml.h>\n"), [])

    def test_link_lists_follow_the_table(self):
        self.assertEqual(rules("runtime/gcs/CMakeLists.txt", "orrery_library(gcs DEPS orrery::transport)\n"), ["link"])
        self.assertEqual(rules("runtime/gcs/CMakeLists.txt", "orrery_library(gcs DEPS orrery::common)\n"), [])
        self.assertEqual(rules("sim/faults/CMakeLists.txt", "target_link_libraries(f PkgConfig::SIMGRID)\n"), ["link"])


class Sizes(unittest.TestCase):
    def test_long_files(self):
        self.assertEqual(rules("runtime/gcs/a.cc", "\n" * 601), ["file size"])
        self.assertEqual(rules("runtime/gcs/a.cc", "\n" * 600), [])
        self.assertEqual(rules("README.md", "\n" * 900), [])

    def test_long_functions(self):
        body = "  x();\n" * 69
        self.assertEqual(rules("runtime/gcs/a.cc", "namespace a {\nvoid F() {\n" + body + "}\n}\n"), ["function size"])
        self.assertEqual(rules("runtime/gcs/a.cc", "namespace a {\nvoid F() {\n" + body[7:] + "}\n}\n"), [])
        self.assertEqual(rules("analysis/a.py", "def f():\n" + "    x = 1\n" * 70), ["function size"])

    def test_finds_each_kind_of_function(self):
        text = """namespace a {
class B : public C {
 public:
  explicit B(int x) : x_{x}, y_(2) {}
  bool ok() const { return x_ == 1; }
  enum class D { kOne };
};
struct E { int f = 3; };
const std::vector<F> kTable = {{1, 2}, {3, Call(4)}};
template <class T>
auto G(T t) -> int {
  if (t) { return [&] { return 1; }(); }
  return 2;
}
#define H(x) { x }
TEST(I, J) {
}
}
"""
        names = [name for _, _, name in _cpp_functions(Source("a.cc", text))]
        self.assertEqual(names, ["B", "ok", "G", "TEST"])

    def test_constructors_with_many_parameters(self):
        text = "class A {\n public:\n  explicit A({});\n};\n"
        seven = ", ".join(f"std::map<int, int> p{i}" for i in range(7))
        six = ", ".join(f"std::map<int, int> p{i}" for i in range(6))
        self.assertEqual(rules("runtime/gcs/a.h", text.replace("{}", seven)), ["constructor"])
        self.assertEqual(rules("runtime/gcs/a.h", text.replace("{}", six)), [])


class Tables(unittest.TestCase):
    TABLES = {"messages": "| a |\n|---|\n"}

    def test_a_stale_table_is_found_and_rewriting_cures_it(self):
        page = "x\n<!-- messages:begin -->\nold\n<!-- messages:end -->\ny\n"
        (path, line, _, message), = check_tables({"A.md": page}, self.TABLES)
        self.assertEqual((path, line), ("A.md", 2))
        self.assertIn("./dev tables", message)
        fresh = rewrite(page, self.TABLES)
        self.assertIn("| a |", fresh)
        self.assertEqual(list(check_tables({"A.md": fresh}, self.TABLES)), [])
        self.assertEqual(rewrite(fresh, self.TABLES), fresh)

    def test_missing_and_unknown_markers(self):
        self.assertIn("no page shows", list(check_tables({"A.md": ""}, self.TABLES))[0][3])
        unknown = "<!-- other:begin -->\n<!-- other:end -->\n"
        self.assertIn("nothing prints 'other'", list(check_tables({"A.md": unknown}, self.TABLES))[0][3])
        self.assertIn("has no end", list(check_tables({"A.md": "<!-- messages:begin -->\n"}, self.TABLES))[0][3])


class Whole(unittest.TestCase):
    def test_planted_files_fail_the_run_and_name_place_and_cure(self):
        with tempfile.TemporaryDirectory() as folder:
            planted = pathlib.Path(folder) / "runtime" / "gcs" / "bad.cc"
            planted.parent.mkdir(parents=True)
            planted.write_text("// fine\nint x = rand();\n")
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                self.assertEqual(tidy.main([folder]), 1)
                planted.write_text("// fine\n")
                self.assertEqual(tidy.main([folder]), 0)
            self.assertIn("runtime/gcs/bad.cc:2: [rand()] 'rand(' is banned here; use Env::RandomFor(stream)", out.getvalue())


if __name__ == "__main__":
    unittest.main()
