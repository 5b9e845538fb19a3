// Writes a result folder.
#include <algorithm>
#include <filesystem>
#include <system_error>

#include "runtime/common/status.h"
#include "sim/record/columns.h"
#include "sim/record/csv_writer.h"
#include "sim/record/recorder_state.h"

namespace orrery {

namespace {

Status WriteText(const std::string& path, const std::string& text) {
  FileWriter file(path);
  file.buffer() = text;
  return file.Close();
}

void OptionalSeconds(CsvWriter& csv, bool known, int64_t ns) {
  if (known) {
    csv.Seconds(ns);
  } else {
    csv.Empty();
  }
}

std::string NodeText(NodeId node) { return node ? ToString(node) : ""; }
std::string WorkerText(WorkerId worker) { return worker ? ToString(worker) : ""; }

std::string StatusText(const TaskRow& row) {
  return row.status < 0 ? "Unfinished" : StatusCodeName(static_cast<StatusCode>(row.status));
}

}  // namespace

bool RunRecorder::State::Writes(const std::string& stem) const {
  if (options.outputs.empty()) return true;
  return std::find(options.outputs.begin(), options.outputs.end(), stem) != options.outputs.end();
}

Status RunRecorder::State::WriteTasks(const std::string& path) const {
  CsvWriter csv(path, HeaderRow(TableOf("tasks")));
  const double bound = options.slowdown_bound.seconds();
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskRow& row = tasks[i];
    const bool ran = Ran(row);
    csv.Text(ToString(row.id)).Text(tasks.names().At(row.name));
    csv.Text(row.job ? ToString(row.job) : "").Integer(int64_t{row.retries} + 1).Text(NodeText(row.node));
    csv.Text(WorkerText(row.worker)).Number(row.cpus).Number(row.gpus).Seconds(row.submit);
    const int64_t start = ran ? row.start : 0, finish = ran ? row.finish : 0, submit = row.submit;
    for (const int64_t ns : {start, finish, start - submit, finish - start, finish - submit})
      OptionalSeconds(csv, ran, ns);
    if (ran) {
      const double run = static_cast<double>(row.finish - row.start) / 1e9;
      csv.Number(std::max(1.0, static_cast<double>(row.finish - row.submit) / 1e9 / std::max(run, bound)));
    } else {
      csv.Empty();
    }
    csv.Text(StatusText(row));
    csv.EndRow();
  }
  return csv.Close();
}

Status RunRecorder::State::WriteNodes(const std::string& path) const {
  CsvWriter csv(path, HeaderRow(TableOf("nodes")));
  for (const auto& [id, node] : nodes) {
    if (!id) continue;
    csv.Text(ToString(id)).Text(node.what.name).Text(node.what.type).Number(node.what.cpus).Number(node.what.gpus);
    csv.Integer(node.what.memory_bytes).Seconds(node.what.joined.ns);
    OptionalSeconds(csv, node.left.has_value(), node.left ? node.left->ns : 0);
    csv.Number(node.busy_cpu_seconds);
    const double capacity = node.what.cpus * node.present_seconds;
    if (capacity > 0) {
      csv.Number(node.window_cpu_seconds / capacity);
    } else {
      csv.Empty();
    }
    csv.EndRow();
  }
  return csv.Close();
}

Status RunRecorder::State::WriteFaults(const std::string& path) const {
  CsvWriter csv(path, HeaderRow(TableOf("faults")));
  for (const FaultRow& fault : faults) {
    csv.Seconds(fault.time.ns).Text(fault.name).Text(NodeText(fault.node)).Text(WorkerText(fault.worker));
    csv.EndRow();
  }
  return csv.Close();
}

Status RunRecorder::State::WriteAutoscaler(const std::string& path) const {
  CsvWriter csv(path, HeaderRow(TableOf("autoscaler")));
  for (const AutoscalerRow& row : autoscaler) {
    csv.Seconds(row.time.ns)
        .Integer(row.round)
        .Text(row.action)
        .Text(row.node_type)
        .Integer(row.count)
        .Text(row.reason);
    csv.EndRow();
  }
  return csv.Close();
}

Status RunRecorder::Write(const std::string& folder) const {
  const State& s = *state_;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Status(StatusCode::kUnavailable, "cannot make the folder " + folder + ": " + error.message());
  if (!s.log_status.ok()) return s.log_status;
  const std::string base = folder + "/";
  Status status = WriteText(base + "summary.json", s.summary.ToJson());
  if (status.ok()) status = WriteText(base + "columns.json", ColumnsJson());
  if (status.ok() && s.Writes("timeline")) status = s.WriteTimeline(base + "timeline.json");
  for (const TableSpec& table : Tables()) {
    const std::string stem(table.stem), path = base + stem + ".csv";
    if (!status.ok() || !s.Writes(stem)) continue;
    if (stem == "tasks") {
      status = s.WriteTasks(path);
    } else if (stem == "nodes") {
      status = s.WriteNodes(path);
    } else if (stem == "faults") {
      status = s.WriteFaults(path);
    } else if (stem == "autoscaler") {
      status = s.WriteAutoscaler(path);
    } else if (stem == "objects") {
      status = s.objects.WriteObjects(path);
    } else if (stem == "transfers") {
      status = s.objects.WriteTransfers(path);
    } else if (stem == "store") {
      status = s.objects.WriteStore(path);
    } else {
      status = WriteText(path, HeaderRow(table));
    }
  }
  return status;
}

}  // namespace orrery
