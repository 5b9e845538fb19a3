#include "sim/record/columns.h"

#include <nlohmann/json.hpp>

#include "runtime/common/assert.h"

namespace orrery {

namespace {

std::vector<TableSpec> TablesOfWork() {
  return {{"tasks",
           {{"task_id", "", "the task: node and index of the process that submitted it, and its number there"},
            {"name", "", "the task's (function's) name"},
            {"job", "", "the job it belongs to"},
            {"attempts", "count", "times it was tried"},
            {"node", "", "node of the last attempt"},
            {"worker", "", "worker of the last attempt"},
            {"cpus", "count", "CPUs it asks for"},
            {"gpus", "count", "GPUs it asks for"},
            {"submit_time_s", "s", "when it was submitted, since the run's start"},
            {"start_time_s", "s", "when the last attempt began to run"},
            {"finish_time_s", "s", "when it ended"},
            {"wait_time_s", "s", "start - submit"},
            {"run_time_s", "s", "finish - start"},
            {"turnaround_time_s", "s", "finish - submit"},
            {"bounded_slowdown", "", "max(1, turnaround / max(run, 10 s)) unless configured otherwise"},
            {"status", "", "Ok, the error's code, or Unfinished"}}},
          {"nodes",
           {{"node_id", "", "the node"},
            {"name", "", "its name in the scenario"},
            {"type", "", "its node type"},
            {"cpus", "count", "CPUs it has"},
            {"gpus", "count", "GPUs it has"},
            {"memory_bytes", "B", "memory it has"},
            {"join_time_s", "s", "when it could first be used"},
            {"leave_time_s", "s", "when it was declared dead or left; empty: it stayed"},
            {"busy_cpu_seconds", "s", "sum over its finished tasks of CPUs times run time"},
            {"utilization", "fraction",
             "CPUs asked for by running tasks, averaged over its presence between the first submission "
             "and the last end"}}},
          {"faults",
           {{"time_s", "s", "when it fired"},
            {"fault", "", "its name"},
            {"node", "", "node it hit, if one"},
            {"worker", "", "worker it hit, if one"}}}};
}

std::vector<TableSpec> TablesOfState() {
  return {
      {"actors",
       {{"actor_id", "", "the actor"},
        {"name", "", "its name, if it has one"},
        {"node", "", "node of its last incarnation"},
        {"worker", "", "worker of its last incarnation"},
        {"restarts", "count", "incarnations after the first"},
        {"create_time_s", "s", "when its creation was asked for"},
        {"alive_time_s", "s", "when it first served"},
        {"death_time_s", "s", "when it ended; empty: it lived"},
        {"state", "", "its last state"}}},
      {"objects",
       {{"object_id", "", "the object"},
        {"owner", "", "process that owns it"},
        {"size_bytes", "B", "its size"},
        {"create_time_s", "s", "when it was made"},
        {"free_time_s", "s", "when its last copy was freed; empty: it was kept"},
        {"copies", "count", "most copies at a time"}}},
      {"transfers",
       {{"object_id", "", "the object moved"},
        {"from_node", "", "where it came from"},
        {"to_node", "", "where it went"},
        {"size_bytes", "B", "bytes moved"},
        {"start_time_s", "s", "when its first chunk had arrived"},
        {"finish_time_s", "s", "when its last chunk had arrived"},
        {"status", "", "Ok: with it the object was complete; Unfinished: it broke off, or went on from another node"}}},
      {"store",
       {{"time_s", "s", "when the use of a node's object store changed"},
        {"node", "", "the node"},
        {"memory_bytes", "B", "objects in its shared memory"},
        {"disk_bytes", "B", "objects in its spill files"}}},
      {"autoscaler",
       {{"time_s", "s", "when it was decided"},
        {"round", "count", "the autoscaler's round; rounds that change nothing are left out"},
        {"action", "", "launch, drain, terminate, failed, lost; keep, wait, infeasible until over; demand, nodes"},
        {"node_type", "", "of which type"},
        {"count", "count", "how many nodes"},
        {"reason", "", "why"}}}};
}

}  // namespace

const std::vector<TableSpec>& Tables() {
  static const std::vector<TableSpec> tables = [] {
    std::vector<TableSpec> all = TablesOfWork();
    for (TableSpec& table : TablesOfState()) all.push_back(std::move(table));
    return all;
  }();
  return tables;
}

const TableSpec& TableOf(std::string_view stem) {
  for (const TableSpec& table : Tables()) {
    if (table.stem == stem) return table;
  }
  AssertionFailed("known table", __FILE__, __LINE__, std::string(stem).c_str());
}

std::string HeaderRow(const TableSpec& table) {
  std::string row;
  for (const Column& column : table.columns) {
    if (!row.empty()) row += ',';
    row += column.name;
  }
  return row + "\n";
}

std::string ColumnsJson() {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const TableSpec& table : Tables()) {
    nlohmann::ordered_json& file = json[std::string(table.stem) + ".csv"];
    for (const Column& column : table.columns) {
      file[std::string(column.name)] = {{"unit", column.unit}, {"meaning", column.meaning}};
    }
  }
  return json.dump(2) + "\n";
}

}  // namespace orrery
