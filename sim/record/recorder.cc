#include "sim/record/recorder.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/trace_text.h"
#include "sim/record/recorder_state.h"

namespace orrery {

RunRecorder::RunRecorder(RecorderOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  if (state_->options.events_path.empty()) return;
  state_->log = std::make_unique<FileWriter>(state_->options.events_path);
}

RunRecorder::~RunRecorder() = default;

TaskRow& RunRecorder::State::Row(TaskId id, Time submitted) {
  if (TaskRow* row = tasks.Find(id)) return *row;
  const bool counted = static_cast<int64_t>(tasks.size()) >= options.warmup_tasks && submitted >= options.warmup_until;
  TaskRow& row = tasks.Add(id);
  row.submit = submitted.ns;
  row.counted = counted;
  if (counted) occupancy.Enter(submitted.ns);
  return row;
}

void RunRecorder::DescribeTask(const TaskDescription& task) {
  TaskRow& row = state_->Row(task.task, task.submitted);
  row.name = state_->tasks.names().Add(task.name);
  row.job = task.job;
  row.cpus = task.cpus;
  row.gpus = task.gpus;
  row.creates_actor = task.creates_actor;
}

void RunRecorder::DescribeJob(JobId job, std::string name) { state_->jobs[job] = std::move(name); }

void RunRecorder::DescribeNode(const NodeDescription& node) { state_->nodes[node.node].what = node; }

void RunRecorder::NodeLeft(NodeId node, Time when) {
  NodeRow& row = state_->nodes[node];
  row.what.node = node;
  if (!row.left) row.left = when;
}

void RunRecorder::OnTrace(Time now, const TraceEvent& event) {
  State& s = *state_;
  if (s.log) {
    AppendTraceLine(s.log->buffer(), now.ns, 0, event);
    s.log->buffer() += '\n';
    s.log->Flushed();
  }
  switch (event.kind) {
    case TraceKind::kTaskSubmitted: {
      TaskRow& row = s.Row(event.task, now);
      if (row.name == 0) row.name = s.tasks.names().Add(event.text);
      break;
    }
    case TraceKind::kTaskRetried:
      ++s.retries;
      if (event.c == static_cast<int64_t>(StatusCode::kPreempted)) {
        if (const TaskRow* row = s.tasks.Find(event.task)) ++s.preempted[row->job];
      }
      ++s.Row(event.task, now).retries;
      break;
    case TraceKind::kTaskFinished: s.OnTaskFinished(now, event); break;
    case TraceKind::kNodeRegistered:
      if (s.nodes.count(event.node) == 0) s.nodes[event.node].what = {event.node, "", "", 0, 0, 0, now};
      break;
    case TraceKind::kNodeDead:
      NodeLeft(event.node, now);
      s.objects.OnTrace(now, event);
      break;
    case TraceKind::kFaultFired: s.faults.push_back({now, std::string(event.text), event.node, event.worker}); break;
    case TraceKind::kAutoscalerRound:
    case TraceKind::kAutoscalerAction:
      for (AutoscalerRow& row : AutoscalerRowsOf(now, event)) s.autoscaler.push_back(std::move(row));
      break;
    case TraceKind::kGroupState: s.groups.OnTrace(event); break;
    case TraceKind::kActorState: s.actors.OnTrace(event); break;
    default: s.objects.OnTrace(now, event); break;
  }
}

void RunRecorder::AddAutoscaler(const std::vector<AutoscalerRow>& rows) {
  state_->autoscaler.insert(state_->autoscaler.end(), rows.begin(), rows.end());
}

void RunRecorder::State::OnTaskFinished(Time now, const TraceEvent& event) {
  TaskRow& row = Row(event.task, now);
  if (row.status >= 0) {
    ++ended_twice;
    return;
  }
  row.status = static_cast<int8_t>(event.c);
  row.node = event.node;
  row.worker = event.worker;
  if (row.name == 0) row.name = tasks.names().Add(event.text);
  if (row.creates_actor) {
    if (row.status == 0) row.start = row.finish = now.ns;
  } else if (row.status == 0 || event.b > 0) {
    row.start = event.a;
    row.finish = event.b;
    nodes[event.node].what.node = event.node;
    nodes[event.node].busy_cpu_seconds += row.cpus * (static_cast<double>(event.b - event.a) / 1e9);
  }
  ++(row.status == 0 ? finished : failed);
  if (row.counted) occupancy.Leave(now.ns);
}

uint64_t RunRecorder::submitted() const { return state_->tasks.size(); }
uint64_t RunRecorder::finished() const { return state_->finished; }
uint64_t RunRecorder::failed() const { return state_->failed; }
uint64_t RunRecorder::in_system() const { return submitted() - finished() - failed(); }

Summary& RunRecorder::Finish(const RunFacts& facts) {
  if (state_->log) state_->log_status = state_->log->Close();  // Write reports it
  state_->log.reset();
  state_->WriteFacts(facts);
  state_->WriteTaskFigures();
  state_->WriteUtilization(facts.end);
  state_->WriteLittlesLaw();
  state_->WriteJobs();
  state_->objects.WriteSummary(state_->summary);
  if (facts.critical_path_s) state_->summary.SetNumber("bounds.critical_path_s", *facts.critical_path_s);
  if (facts.work_s) state_->summary.SetNumber("bounds.work_s", *facts.work_s);
  if (facts.recorded_makespan_s) state_->summary.SetNumber("recorded_makespan_s", *facts.recorded_makespan_s);
  state_->summary.SetChecks({});
  return state_->summary;
}

void RunRecorder::SetMostLiveIncarnations(uint64_t most) { state_->actors.SetMostLive(most); }

int64_t RunRecorder::moved_bytes() const { return state_->objects.moved_bytes(); }

NodeId RunRecorder::NodeOf(TaskId task) const {
  const TaskRow* row = state_->tasks.Find(task);
  return row == nullptr ? NodeId{} : row->node;
}

Summary& RunRecorder::summary() { return state_->summary; }

size_t RunRecorder::MemoryBytes() const {
  return sizeof(State) + state_->tasks.MemoryBytes() + state_->nodes.size() * (sizeof(NodeRow) + 64) +
         state_->faults.capacity() * sizeof(FaultRow);
}

}  // namespace orrery
