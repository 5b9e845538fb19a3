// A driver process's live core worker: connects, registers, and ends in order. Internal; programs use Session.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/api/client.h"
#include "runtime/api/live_backend.h"
#include "runtime/common/job_terms.h"
#include "runtime/common/settings.h"
#include "runtime/common/status.h"
#include "runtime/core_worker/core_worker.h"
#include "runtime/transport/live_env.h"

namespace orrery::internal {

// Settings of a job travel to its workers in this variable, "name=value" separated by ';'.
inline constexpr const char* kSettingsVariable = "ORRERY_JOB_SETTINGS";
std::string FormatSettings(const std::map<std::string, std::string>& settings);
// Defaults, changed by the text of FormatSettings.
Result<Settings> ParseSettings(const std::string& text);

// "127.0.0.1" of 127.0.0.1:6379.
std::string IpText(const Address& address);

ClientOptions ClientOptionsFrom(const Settings& settings);

// Gives a LiveEnv's messages to a function.
class FunctionEndpoint final : public LocalEndpoint {
 public:
  explicit FunctionEndpoint(std::function<void(Message)> handle) : handle_(std::move(handle)) {}
  void OnMessage(Message message) override { handle_(std::move(message)); }

 private:
  std::function<void(Message)> handle_;
};

// What to run as a worker of this driver.
struct WorkerProgram {
  std::string executable;              // empty: this process's own, with its arguments
  std::vector<std::string> arguments;  // without the executable's name
  std::map<std::string, std::string> environment;  // added to the node manager's
};

struct DriverOptions {
  Address node_manager;            // with incarnation
  std::string socket_dir;
  std::string token;
  std::string name;                // of the job
  JobTerms terms = {};
  std::vector<std::string> arguments;  // of this process, given to its workers, too
  std::map<std::string, std::string> settings;
  WorkerProgram worker;
  TraceSink* trace = nullptr;      // not owned; called by whichever thread drives
};

class Driver {
 public:
  // Blocks until registered. kUnavailable, kPermissionDenied, kTimedOut, with the reason.
  static Result<std::unique_ptr<Driver>> Connect(DriverOptions options);
  // Close(1) unless closed.
  ~Driver();
  // Gives leases back, tells the cluster `status` (0: well), and ends every blocked call of other threads.
  void Close(int status);
  // Cuts every connection without a word, as if the process had been killed.
  void Abandon();

  Client& client() { return *client_; }
  // Workers that have tasks of this driver, and actors that have calls of it.
  std::vector<WorkerId> BusyWorkers();
  LiveEnv& env() { return *env_; }

 private:
  explicit Driver(TraceSink* trace);
  Status Start(DriverOptions options);
  void OnApplicationMessage(Message message);

  TraceSink* const trace_;
  FunctionEndpoint application_;
  std::unique_ptr<LiveEnv> env_;
  std::unique_ptr<LiveBackend> backend_;
  std::unique_ptr<CoreWorker> core_worker_;
  Client* client_ = nullptr;
  Settings settings_;
  // Written while driving, read after the waiter is done.
  bool registered_ = false;
  Status registration_;
  Identity identity_;
  Waiter ready_, closed_;
};

}  // namespace orrery::internal
