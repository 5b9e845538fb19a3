// timeline.json in Chrome's trace format: a process per node, a thread per worker, a span per task, marks for faults.
#include <algorithm>
#include <set>

#include "runtime/messages/trace_text.h"
#include "sim/record/csv_writer.h"
#include "sim/record/recorder_state.h"

namespace orrery {

namespace {

// The format counts microseconds; three decimals keep the nanoseconds.
void AppendMicros(std::string& out, int64_t ns) {
  AppendNumber(out, ns / 1000);
  const int64_t rest = ns % 1000;
  if (rest == 0) return;
  std::string digits = std::to_string(1000 + rest);
  digits[0] = '.';
  out += digits;
}

class TimelineWriter {
 public:
  explicit TimelineWriter(const std::string& path) : file_(path) {
    out() += "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  }

  void Name(const char* what, uint64_t pid, uint64_t tid, const std::string& name) {
    Begin();
    out().append("{\"ph\":\"M\",\"name\":\"").append(what).append("\",");
    Place(pid, tid);
    out() += ",\"args\":{\"name\":";
    AppendJsonString(out(), name);
    out() += "}}";
  }
  void Span(const TaskRow& row, std::string_view name) {
    Begin();
    out() += "{\"ph\":\"X\",\"name\":";
    AppendJsonString(out(), name.empty() ? "task" : name);
    out() += ',';
    Place(row.node.value, row.worker.index());
    out() += ",\"ts\":";
    AppendMicros(out(), row.start);
    out() += ",\"dur\":";
    AppendMicros(out(), row.finish - row.start);
    out().append(",\"args\":{\"task\":\"").append(ToString(row.id)).append("\",\"wait_ms\":");
    AppendNumber(out(), static_cast<double>(row.start - row.submit) / 1e6);
    out().append(",\"status\":\"").append(StatusCodeName(static_cast<StatusCode>(row.status))).append("\"}}");
  }
  void Mark(const FaultRow& fault) {
    Begin();
    out() += "{\"ph\":\"i\",\"s\":\"g\",\"name\":";
    AppendJsonString(out(), fault.name);
    out() += ',';
    Place(fault.node.value, fault.worker.index());
    out() += ",\"ts\":";
    AppendMicros(out(), fault.time.ns);
    out() += '}';
  }
  Status End(const std::string& note) {
    out() += "\n],\"otherData\":{\"note\":";
    AppendJsonString(out(), note);
    out() += "}}\n";
    return file_.Close();
  }

 private:
  std::string& out() { return file_.buffer(); }
  void Begin() {
    if (!first_) out() += ",\n";
    first_ = false;
    file_.Flushed();
  }
  void Place(uint64_t pid, uint64_t tid) {
    out() += "\"pid\":";
    AppendNumber(out(), static_cast<int64_t>(pid));
    out() += ",\"tid\":";
    AppendNumber(out(), static_cast<int64_t>(tid));
  }
  FileWriter file_;
  bool first_ = true;
};

}  // namespace

Status RunRecorder::State::WriteTimeline(const std::string& path) const {
  TimelineWriter writer(path);
  for (const auto& [id, node] : nodes) {
    if (!id) continue;
    writer.Name("process_name", id.value, 0, node.what.name.empty() ? ToString(id) : node.what.name);
  }
  std::set<WorkerId> named;
  size_t spans = 0, ended = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskRow& row = tasks[i];
    if (!Ran(row)) continue;
    ++ended;
    if (spans == options.max_timeline_spans) continue;
    ++spans;
    if (named.insert(row.worker).second) {
      writer.Name("thread_name", row.node.value, row.worker.index(), ToString(row.worker));
    }
    writer.Span(row, tasks.names().At(row.name));
  }
  for (const FaultRow& fault : faults) writer.Mark(fault);
  std::string note = "every task that ran";
  if (spans < ended) {
    note = "the first " + std::to_string(spans) + " of " + std::to_string(ended) + " tasks that ran, by submission";
  }
  return writer.End(note);
}

}  // namespace orrery
