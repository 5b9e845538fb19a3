// jobs in summary.json: how jobs that compete fared beside each other.
#include <algorithm>
#include <utility>
#include <vector>

#include "sim/record/recorder_state.h"

namespace orrery {

namespace {

struct JobFigures {
  uint64_t tasks = 0, finished = 0;
  int64_t first_submit = INT64_MAX, last_start = INT64_MIN, last_finish = INT64_MIN;
  double cpu_seconds = 0;
  double contended_cpu_seconds = 0, contended_gpu_seconds = 0;
  std::vector<int64_t> waits, turnarounds;
};

double Seconds(int64_t from, int64_t to) { return std::max(0.0, static_cast<double>(to - from) / 1e9); }

void Collect(JobFigures& job, const TaskRow& row) {
  ++job.tasks;
  job.finished += row.status == 0;
  job.first_submit = std::min(job.first_submit, row.submit);
  if (!Ran(row)) return;
  job.last_start = std::max(job.last_start, row.start);
  job.last_finish = std::max(job.last_finish, row.finish);
  job.cpu_seconds += row.cpus * Seconds(row.start, row.finish);
  if (!row.counted) return;
  job.waits.push_back(row.start - row.submit);
  job.turnarounds.push_back(row.finish - row.submit);
}

}  // namespace

// The window in which all of them wanted more: from the latest first submission to the earliest last start.
void RunRecorder::State::WriteJobs() {
  std::map<JobId, JobFigures> figures;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (jobs.count(tasks[i].job) != 0) Collect(figures[tasks[i].job], tasks[i]);
  }
  if (figures.size() < 2) return;
  int64_t from = INT64_MIN, to = INT64_MAX;
  for (const auto& [id, job] : figures) {
    from = std::max(from, job.first_submit);
    to = std::min(to, job.last_start);
  }
  double cpu = 0, gpu = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskRow& row = tasks[i];
    const auto job = figures.find(row.job);
    if (job == figures.end() || !Ran(row)) continue;
    const double seconds = Seconds(std::max(row.start, from), std::min(row.finish, to));
    job->second.contended_cpu_seconds += row.cpus * seconds;
    job->second.contended_gpu_seconds += row.gpus * seconds;
    cpu += row.cpus * seconds;
    gpu += row.gpus * seconds;
  }
  summary.SetNumber("contended_s", Seconds(from, to));
  for (auto& [id, job] : figures) {
    const std::string at = "jobs." + jobs.at(id);
    const Distribution5 wait = Summarize(job.waits), turnaround = Summarize(job.turnarounds);
    summary.SetUnsigned(at + ".tasks", job.tasks);
    summary.SetUnsigned(at + ".finished", job.finished);
    summary.SetUnsigned(at + ".preempted", preempted[id]);
    summary.SetNumber(at + ".makespan_s",
                      job.last_finish == INT64_MIN ? 0 : Seconds(job.first_submit, job.last_finish));
    summary.SetNumber(at + ".wait_s.mean", wait.mean);
    summary.SetNumber(at + ".wait_s.p95", wait.p95);
    summary.SetNumber(at + ".turnaround_s.mean", turnaround.mean);
    summary.SetNumber(at + ".cpu_seconds", job.cpu_seconds);
    summary.SetNumber(at + ".contended_cpu_share", cpu > 0 ? job.contended_cpu_seconds / cpu : 0);
    if (gpu > 0) summary.SetNumber(at + ".contended_gpu_share", job.contended_gpu_seconds / gpu);
  }
}

}  // namespace orrery
