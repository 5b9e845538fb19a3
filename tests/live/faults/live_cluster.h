// For tests on real processes: a cluster in a session folder of its own, and looks at what the kernel says is left of
// it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/api/local_cluster.h"

namespace orrery::test {

// Polls until `condition` holds; fails the test with `what` after a minute. Passing never depends on the minute.
bool Eventually(const std::function<bool()>& condition, const std::string& what);

bool ProcessLives(int pid);
// Every process that belongs to a session folder: named in its environment or on its command line. Zombies do not
// count.
std::vector<int> ProcessesOf(const std::string& session_dir);
std::vector<std::string> FilesIn(const std::string& folder);

class LiveCluster {
 public:
  // `cpus`: of each node, the head first. Sets $ORRERY_SESSION_DIR and $ORRERY_ADDRESS for programs of this test.
  LiveCluster(std::initializer_list<double> cpus, std::map<std::string, std::string> settings = {});
  // Nodes with more than CPUs.
  explicit LiveCluster(std::vector<LocalNode> nodes, std::map<std::string, std::string> settings = {});
  // Stops the cluster and fails the test unless every process, record, socket and spill file is gone.
  ~LiveCluster();

  LocalCluster& processes() { return *cluster_; }
  const std::string& session_dir() const { return session_dir_; }
  // A folder for notes that tasks leave; inside the session folder.
  std::string notes() const { return session_dir_ + "/notes"; }
  // All workers of all living nodes.
  std::vector<int> Workers() const;

 private:
  std::string session_dir_;
  std::unique_ptr<LocalCluster> cluster_;
};

// Starts this test program again as a driver: `role` is looked up by RunRole in main. Returns its pid.
int StartDriverProcess(const std::string& role);

}  // namespace orrery::test
