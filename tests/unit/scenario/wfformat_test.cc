// WfFormat: a small workflow, and every way in which a file can be wrong.
#include "sim/scenario/wfformat.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace orrery {
namespace {

using Json = nlohmann::json;

// load → two workers → join; `in` comes from outside, `note` is read by its own writer.
Json Small() {
  return Json::parse(R"({
    "schemaVersion": "1.5",
    "workflow": {
      "specification": {
        "tasks": [
          {"id": "load", "inputFiles": ["in"], "outputFiles": ["a", "b"], "parents": [], "children": []},
          {"id": "left", "inputFiles": ["a", "note"], "outputFiles": ["note", "c"], "parents": ["load"]},
          {"id": "right", "inputFiles": ["b", "in"], "outputFiles": ["d"], "parents": ["load"]},
          {"id": "join", "inputFiles": ["c", "d"], "parents": ["left", "right", "load"]}
        ],
        "files": [
          {"id": "in", "sizeInBytes": 1000}, {"id": "a", "sizeInBytes": 10}, {"id": "b", "sizeInBytes": 20},
          {"id": "c", "sizeInBytes": 30}, {"id": "d", "sizeInBytes": 40}, {"id": "note", "sizeInBytes": 1}
        ]
      },
      "execution": {
        "makespanInSeconds": 12.5,
        "tasks": [
          {"id": "load", "runtimeInSeconds": 2.5, "avgCPU": 99.5},
          {"id": "left", "runtimeInSeconds": 3, "avgCPU": 250.1, "memoryInBytes": 4096},
          {"id": "right", "runtimeInSeconds": 1, "coreCount": 4},
          {"id": "join", "runtimeInSeconds": 0}
        ],
        "machines": []
      }
    }
  })");
}

Result<Workflow> Parse(const Json& json, TraceSpec spec = {}) { return ParseWorkflow(json.dump(), "w.json", spec); }

std::string ErrorOf(const Json& json) {
  const auto workflow = Parse(json);
  if (workflow.ok()) return "accepted";
  EXPECT_EQ(workflow.status().code(), StatusCode::kInvalidArgument);
  return workflow.status().message();
}

Json& Tasks(Json& json) { return json["workflow"]["specification"]["tasks"]; }
Json& Files(Json& json) { return json["workflow"]["specification"]["files"]; }
Json& Runs(Json& json) { return json["workflow"]["execution"]["tasks"]; }

TEST(WfFormat, TasksFilesAndTimes) {
  const Workflow workflow = Parse(Small()).value();
  const DagSpec& dag = workflow.dag;
  EXPECT_EQ(workflow.makespan_s, 12.5);
  ASSERT_EQ(dag.tasks.size(), 5u) << "four tasks, and the file from outside";
  EXPECT_EQ(dag.order, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(dag.tasks[0].task.name, "load");
  EXPECT_EQ(dag.tasks[0].task.outputs, (std::vector<int64_t>{10, 20}));
  EXPECT_EQ(dag.tasks[0].inputs, (std::vector<DagSpec::Input>{{4, 0}}));
  EXPECT_TRUE(dag.tasks[4].put);
  EXPECT_EQ(dag.tasks[4].task.outputs, (std::vector<int64_t>{1000}));
  EXPECT_EQ(dag.tasks[1].inputs, (std::vector<DagSpec::Input>{{0, 0}})) << "its own note is no dependency";
  EXPECT_EQ(dag.tasks[1].task.outputs, (std::vector<int64_t>{1, 30}));
  EXPECT_EQ(dag.tasks[2].inputs, (std::vector<DagSpec::Input>{{0, 1}, {4, 0}}));
  EXPECT_EQ(dag.tasks[3].inputs, (std::vector<DagSpec::Input>{{1, 1}, {2, 0}}));
  EXPECT_EQ(dag.tasks[3].after, (std::vector<int64_t>{0})) << "a parent without a file between";
  EXPECT_NEAR(Mean(dag.tasks[0].task.duration), 2.5, 1e-12);
  EXPECT_EQ(dag.tasks[0].task.resources, ResourceSet::Cpu(1));
  EXPECT_EQ(dag.tasks[1].task.resources, ResourceSet::Cpu(3));
  EXPECT_EQ(dag.tasks[2].task.resources, ResourceSet::Cpu(4));
  EXPECT_EQ(dag.tasks[1].task.allocate_bytes, 4096);
}

TEST(WfFormat, TimesAreScaled) {
  TraceSpec spec;
  spec.options.time_scale = 0.1;
  const Workflow workflow = Parse(Small(), spec).value();
  EXPECT_NEAR(workflow.makespan_s, 1.25, 1e-12);
  EXPECT_NEAR(Mean(workflow.dag.tasks[1].task.duration), 0.3, 1e-12);
}

TEST(WfFormat, WhatIsNoWorkflow) {
  EXPECT_EQ(ParseWorkflow("{\"a\": ", "w.json", {}).status().message(), "w.json: this is not JSON");
  EXPECT_EQ(ErrorOf(Json::array()), "w.json: the file has no text 'schemaVersion'");
  EXPECT_EQ(ErrorOf(Json::object()), "w.json: the file has no text 'schemaVersion'");
  Json old = Small();
  old["schemaVersion"] = "1.3";
  EXPECT_EQ(ErrorOf(old), "w.json: schemaVersion is '1.3'; this reader knows 1.5");
  Json empty = Small();
  Tasks(empty) = Json::array();
  Runs(empty) = Json::array();
  EXPECT_EQ(ErrorOf(empty), "w.json: workflow.specification.tasks is empty");
  for (const char* key : {"specification", "execution"}) {
    Json lacking = Small();
    lacking["workflow"].erase(key);
    EXPECT_EQ(ErrorOf(lacking), std::string("w.json: workflow has no object '") + key + "'");
  }
}

TEST(WfFormat, WrongNumbers) {
  Json negative = Small();
  Files(negative)[0]["sizeInBytes"] = -1;
  EXPECT_EQ(ErrorOf(negative), "w.json: file 'in': sizeInBytes is negative or too large");
  Json absurd = Small();
  Files(absurd)[0]["sizeInBytes"] = 1e30;
  EXPECT_EQ(ErrorOf(absurd), "w.json: file 'in': sizeInBytes is negative or too large");
  Json text = Small();
  Runs(text)[1]["runtimeInSeconds"] = "3";
  EXPECT_EQ(ErrorOf(text), "w.json: the execution of task 'left' has no number 'runtimeInSeconds'");
  Json backwards = Small();
  Runs(backwards)[1]["runtimeInSeconds"] = -3;
  EXPECT_EQ(ErrorOf(backwards), "w.json: the execution of task 'left': runtimeInSeconds is negative or too large");
}

TEST(WfFormat, NamesThatDoNotFitTogether) {
  Json file = Small();
  Tasks(file)[1]["inputFiles"][0] = "nowhere";
  EXPECT_EQ(ErrorOf(file), "w.json: task 'left' reads the unknown file 'nowhere'");
  Json written = Small();
  Tasks(written)[1]["outputFiles"][0] = "nowhere";
  EXPECT_EQ(ErrorOf(written), "w.json: task 'left' writes the unknown file 'nowhere'");
  Json twice = Small();
  Tasks(twice)[2]["outputFiles"][0] = "c";
  EXPECT_EQ(ErrorOf(twice), "w.json: two tasks write 'c'");
  Json parent = Small();
  Tasks(parent)[1]["parents"][0] = "ghost";
  EXPECT_EQ(ErrorOf(parent), "w.json: task 'left' has the unknown parent 'ghost'");
  Json repeated = Small();
  Tasks(repeated)[1]["id"] = "load";
  EXPECT_EQ(ErrorOf(repeated), "w.json: there are two tasks 'load'");
  Json never = Small();
  Runs(never).erase(3);
  EXPECT_EQ(ErrorOf(never), "w.json: task 'join' was never executed");
  Json stranger = Small();
  Runs(stranger)[3]["id"] = "ghost";
  EXPECT_EQ(ErrorOf(stranger), "w.json: the execution has a task 'ghost' that the specification lacks");
  Json number = Small();
  Tasks(number)[1]["inputFiles"][0] = 7;
  EXPECT_EQ(ErrorOf(number), "w.json: task 'left': inputFiles holds something that is no text");
}

TEST(WfFormat, TasksThatWaitForEachOther) {
  Json cyclic = Small();
  Tasks(cyclic)[0]["inputFiles"].push_back("d");
  EXPECT_EQ(ErrorOf(cyclic), "w.json: the tasks wait for each other: load -> right -> load");
}

TEST(WfFormat, AnAbsentFileNamesItsOption) {
  TraceSpec spec;
  spec.path = "/nonexistent/w.json";
  const auto workflow = LoadWorkflow(spec);
  ASSERT_FALSE(workflow.ok());
  EXPECT_NE(workflow.status().message().find("--set workload.trace.path=FILE"), std::string::npos);
}

}  // namespace
}  // namespace orrery
