// Runs of a plan: each point and seed in a process of its own, kept in a folder so that a plan can go on where it
 // stopped.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/main/plan_space.h"
#include "sim/scenario/scenario.h"

namespace orrery {

struct PlanRequest {
  std::string file;
  std::vector<std::string> sets;  // --set, for every point
  std::vector<PlanAxis> axes;
  std::vector<Slo> slos;
  std::string out;   // folder of the runs; "": a temporary one, removed at the end
  size_t jobs = 2;   // processes at a time
  bool progress = false;
};

// A point that was run.
struct PlanResult {
  PlanPoint point;
  std::vector<uint64_t> seeds;
  std::vector<double> slo_values;  // the worst seed's, in the order of the SLOs
  bool ok = false;                 // every SLO on every seed, and every task ended
  double cost = 0;                 // per hour; see CostOf
  std::string trouble;             // why it could not be judged, or ""
  std::optional<double> offered_load;  // CPUs
  std::optional<double> critical_path_s;
  double makespan_s = 0;
  std::vector<NodeTypeSpec> node_types;
};

class PlanRuns {
 public:
  explicit PlanRuns(const PlanRequest& request);
  ~PlanRuns();
  // Runs what is not known yet, several at a time; results in the order of `points`.
  Result<std::vector<const PlanResult*>> Evaluate(const std::vector<PlanPoint>& points);
  // Everything run so far, in order of points.
  const std::map<PlanPoint, PlanResult>& all() const { return results_; }
  size_t simulated() const { return simulated_; }  // runs that were not taken from the folder
  // Of the last point that the first call of Evaluate was given (of a range, its greatest), first seed: the workload
  // as it is.
  std::string tasks_csv() const { return tasks_folder_ + "/tasks.csv"; }

 private:
  struct Job {
    PlanPoint point;
    uint64_t seed = 0;
    std::string folder;
    bool with_tasks = false;  // it writes tasks.csv, too
  };
  std::vector<std::string> SetsOf(const PlanPoint& point) const;
  std::string FolderOf(const PlanPoint& point, uint64_t seed) const;
  Status RunJobs(const std::vector<Job>& jobs);
  PlanResult Judge(const PlanPoint& point, const Scenario& scenario) const;

  const PlanRequest& request_;
  std::string base_;
  std::string content_;  // of the scenario file
  std::string tasks_folder_;
  std::map<PlanPoint, PlanResult> results_;
  size_t simulated_ = 0;
};

// Some node type has a price.
bool IsPriced(const std::vector<NodeTypeSpec>& types);

// The price of the fixed nodes per hour, and with an autoscaler what its instances cost on average; nodes count by
// their CPUs when no node type has a price.
double CostOf(const Scenario& scenario, const Summary& summary);

}  // namespace orrery
