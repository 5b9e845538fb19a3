// Jobs: one per driver, from its registration to its end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"
#include "runtime/gcs/state_store.h"
#include "runtime/messages/kinds.h"
#include "runtime/messages/message.h"
#include "runtime/scheduling/job_shares.h"

namespace orrery {

class JobManager {
 public:
  static constexpr size_t kFinishedJobsKept = 10'000;

  struct Job {
    JobId id;
    WorkerId driver;
    std::string name;
    uint32_t pid = 0;
    bool running = true;
    uint32_t status = 0;  // StatusCode of its end
    JobTerms terms;
    Message registration; // the RegisterJob, for its WorkerCommand
  };

  // Tells `shares` of each running job's priority and weight.
  JobManager(StateStore& store, JobShares& shares) : store_(store), shares_(shares) {}
  // What a GCS before this one knew: its last id, then each job, then the ends in order.
  void Restore(uint32_t last_id) { last_id_ = last_id; }
  void RestoreJob(JobId job, Message registration);
  void RestoreEnd(JobId job, uint64_t order, uint32_t status);
  // Registering a driver twice is one job.
  void OnRegisterJob(const Address& from, Message request);
  // A job of its own for a detached actor that a process of `creator` makes: with the same workers, without a driver.
  JobId AddDetached(JobId creator, const std::string& name);
  void OnGetJob(const Address& from, const msg::GetJob& request);
  // Marks the job as ended; true when it was running. Idempotent.
  bool Finish(JobId job, uint32_t status);
  // Running jobs whose driver lives on `node`, in order of id.
  std::vector<JobId> RunningOn(NodeId node) const;
  // The latest ends, at most `limit`, oldest first.
  std::vector<JobId> RecentlyFinished(size_t limit) const {
    return {finished_.end() - static_cast<std::ptrdiff_t>(std::min(limit, finished_.size())), finished_.end()};
  }
  const std::map<JobId, Job>& all() const { return jobs_; }
  Job* Find(JobId job);

 private:
  Job& Add(JobId id, Message registration);
  void MarkFinished(Job& job, uint32_t status);
  static std::string RowKey(JobId job) { return std::to_string(job.value); }

  StateStore& store_;
  JobShares& shares_;
  std::map<JobId, Job> jobs_;
  Lookup<WorkerId, JobId> by_driver_;
  std::vector<JobId> finished_;  // oldest first
  uint32_t last_id_ = 0;
  uint64_t last_end_ = 0;
};

}  // namespace orrery
